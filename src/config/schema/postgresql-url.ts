/** The URL of a PostgreSQL database, as libpq reads it (PostgreSQL, 32.1.1.2). */
import { isIpInCidr } from "../../mail/ip.ts";
import { didYouMean } from "../../text/did-you-mean.ts";

/** How far a connection is protected: by `verify`, the server is known by its certificate. */
export const tlsModes = ["verify", "require", "prefer", "disable"] as const;
export type TlsMode = (typeof tlsModes)[number];

export interface PostgresqlUrl {
  readonly host: string;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** For the server, as on its command line. */
  readonly options: string | undefined;
  readonly tls: TlsMode | undefined;
}

/** What encrypts at least as much, or checks at least as much. */
const sslModes: ReadonlyMap<string, TlsMode> = new Map([
  ["disable", "disable"],
  ["allow", "prefer"],
  ["prefer", "prefer"],
  ["require", "require"],
  ["verify-ca", "verify"],
  ["verify-full", "verify"],
]);

const parameters = ["host", "port", "dbname", "user", "password", "options", "sslmode"];
const ownKeys: ReadonlyMap<string, string> = new Map([
  ["sslrootcert", "ca"],
  ["sslcert", "cert"],
  ["sslkey", "key"],
]);

/** Or what is wrong with it and how to fix it, without what may be a secret. */
export function parsePostgresqlUrl(text: string): PostgresqlUrl | string {
  const url = URL.parse(text);
  const parts = url === null || !/^postgres(?:ql)?:$/.test(url.protocol) ? undefined : partsOf(url);
  if (url === null || parts === undefined)
    return "is not the URL of a PostgreSQL database. Write it like postgresql://user@db.example.org/name.";
  for (const name of url.searchParams.keys()) {
    if (parameters.includes(name)) continue;
    const key = ownKeys.get(name);
    if (key !== undefined) return `the parameter ${name} is a key of its own. Write ${key} = "/path/to/file.pem" beside url.`;
    const fix = didYouMean(name, parameters) || ` Remove it, or look it up: known here are ${parameters.join(", ")}.`;
    return `unknown parameter "${name}".${fix}`;
  }
  const { port, sslmode, ...others } = { ...parts, ...Object.fromEntries(url.searchParams) };
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65535))
    return `"${port}" is not a port. Write a number from 1 to 65535.`;
  const tls = sslmode === undefined ? undefined : sslModes.get(sslmode);
  if (sslmode !== undefined && tls === undefined) {
    const known = [...sslModes.keys()];
    return `unknown sslmode "${sslmode}".${didYouMean(sslmode, known) || ` Known are ${known.join(", ")}.`}`;
  }
  const { host = "localhost", dbname: database, user, password, options } = others;
  return { host, port: port === undefined ? undefined : Number(port), database, user, password, options, tls };
}

interface UrlParts {
  readonly [parameter: string]: string | undefined;
}

/** Those that are there, decoded; `undefined`: there is a `%` without two digits. */
function partsOf({ hostname, port, pathname, username, password }: URL): UrlParts | undefined {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const given = Object.entries({ host, port, dbname: pathname.slice(1), user: username, password }).filter(([, value]) => value !== "");
  try {
    return Object.fromEntries(given.map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}

/** A socket or a loopback address: what is sent there is seen by nobody else. */
export function isThisMachine(host: string): boolean {
  return isSocket(host) || /^localhost\.?$/i.test(host) || isIpInCidr(host, "127.0.0.0/8") || isIpInCidr(host, "::1");
}

export function isSocket(host: string): boolean {
  return host.startsWith("/");
}
