/** Macros: what the MTA says besides the events, each valid from the stage at which it came until that stage comes again. */
import { decodeUtf8 } from "../../mail/utf8.ts";
import { detach } from "../../text/octets.ts";
import { ProtocolError } from "../protocol-error.ts";
import { readStrings } from "./packet.ts";

/** In the order of a session. Those from `mail` on belong to one message. */
const stages = ["connect", "helo", "mail", "rcpt", "data", "header", "endOfHeader", "body", "endOfMessage", "unknown"] as const;
export type MacroStage = (typeof stages)[number];

/** By names without braces. */
export type MacroValues = ReadonlyMap<string, string>;

/**
 * What the MTA is asked for, which replaces its own choice, so each list is whole; macros of other names are not kept. The client's login,
 * cipher and certificate come at MAIL too, for an MTA that sends no macros of a HELO which it leaves out; `rcpt_*` say that the MTA has refused a
 * recipient.
 */
export const wantedMacros = {
  connect: ["j", "client_addr", "client_name", "client_port", "client_resolve", "daemon_name", "daemon_addr", "daemon_port", "if_addr"],
  helo: ["tls_version", "cipher", "verify", "cert_subject", "cert_issuer"],
  mail: ["i", "auth_authen", "tls_version", "cipher", "verify", "cert_subject", "cert_issuer"],
  rcpt: ["i", "rcpt_mailer", "rcpt_host", "rcpt_addr"],
  data: ["i"],
  endOfMessage: ["i"],
} as const satisfies Partial<Record<MacroStage, readonly string[]>>;

const isWanted: ReadonlySet<string> = new Set(Object.values(wantedMacros).flat());

/** Of a session, all stages together. An MTA sends about 300. */
export const maxMacroOctets = 16_384;

/** Those that are wanted. `start` is where the names and values begin; there may be none. */
export function readMacros(data: Buffer, start: number): MacroValues {
  const strings = readStrings(data, start);
  if (strings.length % 2 !== 0) throw new ProtocolError("a macro without a value");
  const values = new Map<string, string>();
  for (let index = 0; index < strings.length; index += 2) {
    const name = strings[index] ?? "";
    const bare = name.startsWith("{") && name.endsWith("}") ? name.slice(1, -1) : name;
    if (isWanted.has(bare)) values.set(detach(bare), detach(decodeUtf8(strings[index + 1] ?? "")));
  }
  return values;
}

/** The macros of one session. */
export class Macros {
  readonly #values: (MacroValues | undefined)[] = stages.map(() => undefined);

  get octets(): number {
    let octets = 0;
    for (const values of this.#values) {
      for (const [name, value] of values ?? []) octets += Buffer.byteLength(name) + Buffer.byteLength(value);
    }
    return octets;
  }

  /** Replaces those of the stage, and drops those of later stages. Throws a `ProtocolError` when there are too many octets. */
  set(stage: MacroStage, values: MacroValues): void {
    const index = stages.indexOf(stage);
    this.#values.fill(undefined, index);
    this.#values[index] = values;
    if (this.octets > maxMacroOctets) throw new ProtocolError(`macros of more than ${maxMacroOctets} octets`);
  }

  /** The value that came last. `undefined`: the MTA did not send it. */
  get(name: string): string | undefined {
    return this.#values.findLast((values) => values?.has(name))?.get(name);
  }

  /** The message was delivered, refused or given up. */
  endMessage(): void {
    this.#values.fill(undefined, stages.indexOf("mail"));
  }

  endSession(): void {
    this.#values.fill(undefined);
  }
}
