/** What the configuration says of a directory that asks a server. */
import type { TlsSettings } from "../../store/store-settings.ts";
import type { CacheSettings } from "../directory-settings.ts";

export interface CallAheadSettings {
  readonly type: "smtp" | "lmtp";
  readonly name: string;
  readonly server: ServerSettings;
  /** Canonical. */
  readonly domains: readonly string[];
  /** A local part that nobody has, with `{random}`. */
  readonly probe: string;
  /** Deadline of one question. */
  readonly timeoutMs: number;
  readonly cache: CacheSettings;
}

export interface ServerSettings {
  readonly protocol: "smtp" | "lmtp";
  /** A name, an address, or the path of a socket. */
  readonly host: string;
  /** Not of a socket. */
  readonly port: number;
  readonly tls: TlsSettings;
  /** The name given with EHLO or LHLO. */
  readonly ehlo: string;
}

export function isSocket({ host }: ServerSettings): boolean {
  return host.startsWith("/");
}

/** As messages name it. */
export function nameOf(server: ServerSettings): string {
  const { host, port } = server;
  if (isSocket(server)) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
