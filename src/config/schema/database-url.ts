/** The URL of a database: PostgreSQL's as libpq reads it (PostgreSQL, 32.1.1.2), MySQL's as its shell does. */
import { canonicalDomain, isHostName } from "../../mail/domain.ts";
import { canonicalIp, isIpInCidr } from "../../mail/ip.ts";
import { didYouMean } from "../../text/did-you-mean.ts";

/** How far a connection is protected: by `verify`, the server is known by its certificate. */
export const tlsModes = ["verify", "require", "prefer", "disable"] as const;
export type TlsMode = (typeof tlsModes)[number];

export interface DatabaseUrl {
  /** A name, an address or the path of a socket. */
  readonly host: string;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** For the server, as on its command line. */
  readonly options: string | undefined;
  readonly tls: TlsMode | undefined;
}

interface Scheme {
  readonly protocol: RegExp;
  readonly what: string;
  readonly example: string;
  /** What each parameter gives. */
  readonly parameters: Readonly<Record<string, "host" | "port" | "database" | "user" | "password" | "options" | "tls">>;
  /** What encrypts at least as much, or checks at least as much. */
  readonly tlsModes: ReadonlyMap<string, TlsMode>;
  readonly ownKeys: ReadonlyMap<string, string>;
}

const postgresql: Scheme = {
  protocol: /^postgres(?:ql)?:$/,
  what: "a PostgreSQL database",
  example: "postgresql://user@db.example.org/name",
  parameters: { host: "host", port: "port", dbname: "database", user: "user", password: "password", options: "options", sslmode: "tls" },
  tlsModes: new Map([
    ["disable", "disable"],
    ["allow", "prefer"],
    ["prefer", "prefer"],
    ["require", "require"],
    ["verify-ca", "verify"],
    ["verify-full", "verify"],
  ]),
  ownKeys: new Map([
    ["sslrootcert", "ca"],
    ["sslcert", "cert"],
    ["sslkey", "key"],
  ]),
};

const mysql: Scheme = {
  protocol: /^(?:mysql|mariadb):$/,
  what: "a MySQL or MariaDB database",
  example: "mysql://user@db.example.org/name",
  parameters: { socket: "host", "ssl-mode": "tls" },
  tlsModes: new Map([
    ["DISABLED", "disable"],
    ["PREFERRED", "prefer"],
    ["REQUIRED", "require"],
    ["VERIFY_CA", "verify"],
    ["VERIFY_IDENTITY", "verify"],
  ]),
  ownKeys: new Map([
    ["ssl-ca", "ca"],
    ["ssl-cert", "cert"],
    ["ssl-key", "key"],
  ]),
};

/** Or what is wrong with it and how to fix it, without what may be a secret. */
export const parsePostgresqlUrl = (text: string) => parseUrl(text, postgresql);
export const parseMysqlUrl = (text: string) => parseUrl(text, mysql);

function parseUrl(text: string, scheme: Scheme): DatabaseUrl | string {
  const url = URL.parse(text);
  const given = url === null || !scheme.protocol.test(url.protocol) ? undefined : partsOf(url);
  if (url === null || given === undefined) return `is not the URL of ${scheme.what}. Write it like ${scheme.example}.`;
  const parameters = Object.keys(scheme.parameters);
  const parts = { ...given };
  for (const [name, value] of url.searchParams) {
    const part = Object.hasOwn(scheme.parameters, name) ? scheme.parameters[name] : undefined;
    if (part !== undefined) {
      parts[part] = value;
      continue;
    }
    const key = scheme.ownKeys.get(name);
    if (key !== undefined) return `the parameter ${name} is a key of its own. Write ${key} = "/path/to/file.pem" beside url.`;
    const fix = didYouMean(name, parameters) || ` Remove it, or look it up: known here are ${parameters.join(", ")}.`;
    return `unknown parameter "${name}".${fix}`;
  }
  const { host = "localhost", port, database, user, password, options } = parts;
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65535))
    return `"${port}" is not a port. Write a number from 1 to 65535.`;
  const problem = problemOfHost(host);
  if (problem !== undefined) return problem;
  const tls = parts.tls === undefined ? undefined : scheme.tlsModes.get(parts.tls);
  if (parts.tls !== undefined && tls === undefined) {
    const known = [...scheme.tlsModes.keys()];
    const parameter = parameters.find((name) => scheme.parameters[name] === "tls");
    return `unknown ${parameter} "${parts.tls}".${didYouMean(parts.tls, known) || ` Known are ${known.join(", ")}.`}`;
  }
  return { host, port: port === undefined ? undefined : Number(port), database, user, password, options, tls };
}

type UrlParts = Partial<Record<keyof DatabaseUrl, string>>;

/** Those that are there, decoded; `undefined`: there is a `%` without two digits. */
function partsOf({ hostname, port, pathname, username, password }: URL): UrlParts | undefined {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const given = Object.entries({ host, port, database: pathname.slice(1), user: username, password }).filter(([, value]) => value !== "");
  try {
    return Object.fromEntries(given.map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}

/** Of a server that a table names by `host`, by `socket` or in `url`. */
export function hostOf({ url, host, socket }: ServerNames): string | undefined {
  return socket ?? host ?? url?.value.host;
}

interface ServerNames {
  readonly url?: { readonly value: DatabaseUrl } | undefined;
  readonly host?: string | undefined;
  readonly socket?: string | undefined;
}

/** Of one that is written as a name, an address, with or without the link that it is on, or the path of a socket. */
export function problemOfHost(host: string): string | undefined {
  if (isSocket(host) || canonicalIp(host.replace(/%\w+$/, "")) !== undefined || isHostName(canonicalDomain(host))) return undefined;
  if (host.startsWith("unix:")) return `a socket is named by its path alone. Write "${host.slice("unix:".length)}".`;
  return `"${host}" is not the name or the address of one server. Write it like db.example.org, without the port.`;
}

/** A socket or a loopback address: what is sent there is seen by nobody else. */
export function isThisMachine(host: string): boolean {
  return isSocket(host) || /^localhost\.?$/i.test(host) || isIpInCidr(host, "127.0.0.0/8") || isIpInCidr(host, "::1");
}

export function isSocket(host: string): boolean {
  return host.startsWith("/");
}
