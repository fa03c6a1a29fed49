/** `[directory.X]` of type `smtp` or `lmtp`. */
import type { CallAheadSettings } from "../../directory/call-ahead/call-ahead-settings.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import type { Normalised } from "../normalise.ts";
import { isSocket } from "../schema/database-url.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { cacheOf } from "./caches.ts";
import type { CompileContext } from "./context.ts";
import { tlsSettings } from "./secrets.ts";

type CallAheadTable = Extract<Normalised["directory"][string], { readonly type: "smtp" | "lmtp" }>;

const defaultPorts = { smtp: 25, lmtp: 24 };

export function compileCallAhead(name: string, at: KeyPath, table: CallAheadTable, context: CompileContext): CallAheadSettings {
  const { type, host, port, tls, ca, ehlo, domains, probe, timeout, cache } = table;
  const { report } = context;
  if (port !== undefined && isSocket(host)) report.error([...at, "port"], "a socket has no port. Remove it.");
  return {
    ...{ type, name, probe, timeoutMs: timeout.value },
    server: { protocol: type, host, port: port ?? defaultPorts[type], tls: tlsSettings(at, tls, host, { ca }, context), ehlo },
    domains: domains.map(canonicalDomain),
    cache: cacheOf(cache),
  };
}
