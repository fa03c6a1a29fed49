/** Macros: what the MTA says besides the events, each valid from the stage at which it came until that stage comes again. */
import { decodeUtf8 } from "../../mail/utf8.ts";
import { detach } from "../../text/octets.ts";
import { ProtocolError } from "../protocol-error.ts";
import { endOfString } from "./packet.ts";

/** In the order of a session. Those from `mail` on belong to one message. */
const stages = ["connect", "helo", "mail", "rcpt", "data", "header", "endOfHeader", "body", "endOfMessage", "unknown"] as const;
export type MacroStage = (typeof stages)[number];

/** What came at one stage. */
export interface StageMacros {
  /** By names without braces. */
  readonly values: ReadonlyMap<string, string>;
  /** Of these names and values. */
  readonly octets: number;
}

/**
 * What the MTA is asked for, which replaces its own choice, so each list is whole; macros of other names are not kept. The client's login,
 * cipher and certificate come at MAIL too, for an MTA that sends no macros of a HELO which it leaves out; `rcpt_*` say that the MTA has refused a
 * recipient.
 */
export const wantedMacros = {
  connect: [
    "j",
    "v",
    "client_addr",
    "client_name",
    "client_port",
    "client_resolve",
    "daemon_name",
    "daemon_addr",
    "daemon_port",
    "if_addr",
  ],
  helo: ["tls_version", "cipher", "verify", "cert_subject", "cert_issuer"],
  mail: ["i", "auth_authen", "tls_version", "cipher", "verify", "cert_subject", "cert_issuer"],
  rcpt: ["i", "rcpt_mailer", "rcpt_host", "rcpt_addr"],
  data: ["i"],
  endOfMessage: ["i"],
} as const satisfies Partial<Record<MacroStage, readonly string[]>>;

/** Names as they come, with braces or without, to those without. */
const wantedNames: ReadonlyMap<string, string> = new Map(
  Object.values(wantedMacros)
    .flat()
    .flatMap((name) => [[name, name] as const, [`{${name}}`, name] as const]),
);

const noMacros: StageMacros = { values: new Map(), octets: 0 };

/** Of a session, all stages together. An MTA sends about 300. */
export const maxMacroOctets = 16_384;

/** Those that are wanted. `start` is where the names and values begin; there may be none. */
export function readMacros(data: string, start: number): StageMacros {
  let values: Map<string, string> | undefined;
  let octets = 0;
  for (let at = start; at < data.length; ) {
    const nameEnd = endOfString(data, at);
    if (nameEnd + 1 === data.length) throw new ProtocolError("a macro without a value");
    const valueEnd = endOfString(data, nameEnd + 1);
    const name = wantedNames.get(data.slice(at, nameEnd));
    at = valueEnd + 1;
    if (name === undefined) continue;
    const value = detach(decodeUtf8(data.slice(nameEnd + 1, valueEnd)));
    octets += name.length + Buffer.byteLength(value);
    values ??= new Map();
    values.set(name, value);
  }
  return values === undefined ? noMacros : { values, octets };
}

/** The macros of one session. */
export class Macros {
  readonly #stages: StageMacros[] = stages.map(() => noMacros);

  get octets(): number {
    let sum = 0;
    for (const { octets } of this.#stages) sum += octets;
    return sum;
  }

  /** Replaces those of the stage, and drops those of later stages. Throws a `ProtocolError` when there are too many octets. */
  set(stage: MacroStage, macros: StageMacros): void {
    const index = stages.indexOf(stage);
    this.#stages.fill(noMacros, index);
    this.#stages[index] = macros;
    if (this.octets > maxMacroOctets) throw new ProtocolError(`macros of more than ${maxMacroOctets} octets`);
  }

  /** The value that came last. `undefined`: the MTA did not send it. */
  get(name: string): string | undefined {
    for (let index = stages.length - 1; index >= 0; index -= 1) {
      const value = this.#stages[index]?.values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The message was delivered, refused or given up. */
  endMessage(): void {
    this.#stages.fill(noMacros, stages.indexOf("mail"));
  }

  endSession(): void {
    this.#stages.fill(noMacros);
  }
}
