/** OpenSMTPD's filter protocol, 0.5 to 0.7: lines to events and requests, decisions to lines (smtpd-filters(7)). */
import { decodeUtf8 } from "../mail/utf8.ts";
import { detach } from "../text/octets.ts";
import { ProtocolError } from "./protocol-error.ts";

interface Endpoint {
  /** Without brackets and zone; `""`: it is not known. */
  readonly address: string;
  readonly port: string;
}

/** What is asked about; other phases are not registered. */
export const phases = ["connect", "helo", "ehlo", "mail-from", "rcpt-to"] as const;
export type Phase = (typeof phases)[number];

export interface FilterRequest {
  readonly kind: "request";
  readonly session: string;
  readonly token: string;
  readonly phase: Phase;
  /** Of the command, one character a byte: with MAIL and RCPT a path and parameters. */
  readonly argument: string;
}

interface Connection {
  readonly kind: "connect";
  readonly session: string;
  /** On a UNIX socket. */
  readonly isLocal: boolean;
  /** Of the client; `""` unless it was confirmed. */
  readonly name: string;
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** All but requests expect no answer. */
export type FilterEvent =
  | FilterRequest
  /** The filter is attached to something that receives mail. */
  | { readonly kind: "receives" }
  | { readonly kind: "configured" }
  | Connection
  | { readonly kind: "identify"; readonly session: string; readonly name: string }
  | { readonly kind: "tls"; readonly session: string; readonly version: string; readonly cipher: string }
  | { readonly kind: "auth"; readonly session: string; readonly login: string }
  | { readonly kind: "disconnect"; readonly session: string };

/** Of one line without its end. RFC 5321 4.5.3.1.4 allows a client 512 and extensions more; OpenSMTPD passes on up to 65,535. */
export const maxLineOctets = 16_384;

/** Takes bytes in any portions. */
export class FilterLines {
  #line = "";

  /** The lines that are whole now, one character a byte; of one that is too long the beginning, one octet more than it may have. */
  push(portion: Buffer): readonly string[] {
    const pieces = portion.toString("latin1").split("\n");
    const rest = pieces.pop() ?? "";
    const lines = pieces.map((piece) => {
      this.#add(piece);
      const line = this.#line;
      this.#line = "";
      return line;
    });
    this.#add(rest);
    return lines;
  }

  #add(piece: string): void {
    this.#line += piece.slice(0, maxLineOctets + 1 - this.#line.length);
  }
}

/** What the filter wants to be told and asked. */
export const registration = [
  ...["link-connect", "link-identify", "link-tls", "link-auth", "link-disconnect"].map((event) => `report|smtp-in|${event}`),
  ...phases.map((phase) => `filter|smtp-in|${phase}`),
]
  .map((what) => `register|${what}\n`)
  .join("");

export const ready = "register|ready\n";

/** `undefined`: nothing that the filter reads. */
export function parseFilterLine(line: string): FilterEvent | undefined {
  if (line === "config|subsystem|smtp-in") return { kind: "receives" };
  if (line === "config|ready") return { kind: "configured" };
  const [, stream, version = "", name = "", session = "", rest = ""] =
    /^(report|filter)\|([^|]*)\|[^|]*\|smtp-in\|([^|]*)\|([0-9a-f]{1,16})(?:\|(.*))?$/s.exec(line) ?? [];
  if (stream === undefined) return undefined;
  const minor = minorOf(version);
  return stream === "filter" ? parseRequest(name, session, rest) : parseReport(name, detach(session), rest, minor);
}

/** Before 0.5 the session stood after the token. */
function minorOf(version: string): number {
  const minor = Number(/^0\.(\d{1,3})$/.exec(version)?.[1] ?? Number.NaN);
  if (minor >= 5) return minor;
  throw new ProtocolError(`version ${JSON.stringify(version)} of the filter protocol: OpenSMTPD 6.7 or later is needed`);
}

function parseRequest(name: string, session: string, rest: string): FilterRequest | undefined {
  const phase = phases.find((each) => each === name);
  const [, token, argument = ""] = /^([0-9a-f]{1,16})\|(.*)$/s.exec(rest) ?? [];
  return phase === undefined || token === undefined ? undefined : { kind: "request", session, token, phase, argument };
}

function parseReport(name: string, session: string, rest: string, minor: number): FilterEvent | undefined {
  switch (name) {
    case "link-connect":
      return parseConnect(session, rest);
    case "link-identify":
      return { kind: "identify", session, name: text(rest.slice(rest.indexOf("|") + 1)) };
    case "link-tls": {
      const [version = "", cipher = ""] = rest.split(":");
      return { kind: "tls", session, version: text(version), cipher: text(cipher) };
    }
    case "link-auth": {
      // A user name may hold a separator.
      const [, login] = (minor >= 7 ? /^pass\|(.*)$/s : /^(.*)\|pass$/s).exec(rest) ?? [];
      return login === undefined ? undefined : { kind: "auth", session, login: text(login) };
    }
    case "link-disconnect":
      return { kind: "disconnect", session };
    default:
      return undefined;
  }
}

/** Of these fields only the name is the client's. */
function parseConnect(session: string, rest: string): FilterEvent | undefined {
  const [, name, confirmed, source, destination] = /^(.*)\|([a-z]+)\|([^|]+)\|([^|]+)$/s.exec(rest) ?? [];
  if (name === undefined || source === undefined || destination === undefined) return undefined;
  return {
    kind: "connect",
    session,
    isLocal: source.startsWith("unix:"),
    name: confirmed === "pass" ? text(name) : "",
    client: endpointOf(source),
    server: endpointOf(destination),
  };
}

function endpointOf(written: string): Endpoint {
  const [, bracketed = "", plain = bracketed, port = ""] = /^(?:\[([0-9a-f:.]+)(?:%[^\]]*)?\]|([0-9.]+)):(\d{1,5})$/i.exec(written) ?? [];
  return { address: detach(plain), port };
}

const text = (bytes: string) => detach(decodeUtf8(bytes));

/** A reply begins with its code, 4yz or 5yz. */
export type FilterDecision =
  | { readonly kind: "proceed" }
  | { readonly kind: "reject"; readonly reply: string }
  | { readonly kind: "disconnect"; readonly reply: string };

export function encodeDecision({ session, token }: FilterRequest, decision: FilterDecision): string {
  const answer = decision.kind === "proceed" ? "proceed" : `${decision.kind}|${decision.reply}`;
  return `filter-result|${session}|${token}|${answer}\n`;
}
