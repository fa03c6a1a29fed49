/** `[directory.X]` of type `smtp` or `lmtp`. */
import type { CallAheadSettings } from "../../directory/call-ahead/call-ahead-settings.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import type { TlsSettings } from "../../store/store-settings.ts";
import type { Normalised } from "../normalise.ts";
import { isSocket } from "../schema/database-url.ts";
import type { KeyPath } from "../syntax/tree.ts";
import type { CompileContext } from "./context.ts";
import { cacheOf } from "./directories.ts";
import { pemsOf } from "./secrets.ts";

type CallAheadTable = Extract<Normalised["directory"][string], { readonly type: "smtp" | "lmtp" }>;

const defaultPorts = { smtp: 25, lmtp: 24 };

export function compileCallAhead(name: string, at: KeyPath, table: CallAheadTable, context: CompileContext): CallAheadSettings {
  const { type, host, port, ehlo, domains, probe, timeout, cache } = table;
  const { report } = context;
  if (host.startsWith("unix:"))
    report.error([...at, "host"], `a socket is named by its path alone. Write "${host.slice("unix:".length)}".`);
  if (port !== undefined && isSocket(host)) report.error([...at, "port"], "a socket has no port. Remove it.");
  return {
    ...{ type, name, probe, timeoutMs: timeout.value },
    server: { protocol: type, host, port: port ?? defaultPorts[type], tls: tlsOf(at, table, context), ehlo },
    domains: domains.map(canonicalDomain),
    cache: { ...cacheOf(cache), staleMs: cache.stale.value },
  };
}

function tlsOf(at: KeyPath, { host, tls: mode, ca }: CallAheadTable, context: CompileContext): TlsSettings {
  const { report } = context;
  if (mode !== "disable" && isSocket(host))
    report.error([...at, "tls"], `is "${mode}", but a socket is on this machine, and has no TLS. Remove it, with ca.`);
  if (mode !== "verify" && ca !== undefined)
    report.error([...at, "ca"], `is not used with tls = "${mode}", which checks no certificate. Write tls = "verify", or remove it.`);
  const read = pemsOf(at, { ca }, context);
  return mode === "disable" ? { mode } : { mode, ...read };
}
