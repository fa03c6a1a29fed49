/** An MTA without a socket: sends frames to a milter conversation, and reads the replies that a real MTA would wait for. */

import type { DelayedReplies, StartTimer } from "../../src/frontend/connection/delayed-replies.ts";
import { type MilterConversation, type MilterOptions, milterProtocol, openMilter } from "../../src/frontend/milter/milter.ts";
import type { MilterSettings } from "../../src/frontend/milter/negotiation.ts";
import { CommandDecoder } from "../../src/wire/milter/command.ts";
import type { World } from "./mail-domain.ts";
import { eventFlags, frame, strings, uint32 } from "./milter-frames.ts";

export interface Offer {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
}

/** What both Postfix and Sendmail offer. */
export const fullOffer: Offer = { version: 6, actions: 0x1ff, protocol: 0x1fffff };

/** As an MTA that knows no flags. */
export const oldOffer: Offer = { version: 2, actions: 0x3f, protocol: 0 };

interface MilterWorld {
  readonly place: World;
  settings: MilterSettings;
  readonly options: MilterOptions;
}

export function milterWorld(place: World, settings: Partial<MilterSettings> = {}, timer: StartTimer = () => () => {}): MilterWorld {
  const self: MilterWorld = {
    place,
    settings: { mode: "enforce", extensions: "observe", rewrite: true, ...settings },
    options: { ...place.options, settings: () => self.settings, timer },
  };
  return self;
}

const neverAnswered = "DAQK";

export class Mta {
  readonly #conversation: MilterConversation;
  readonly #decoder = new CommandDecoder();
  #protocol = 0;
  negotiated: Offer = { version: 0, actions: 0, protocol: 0 };

  constructor(options: MilterOptions, begin = openMilter(options)) {
    this.#conversation = begin();
  }

  get conversation(): MilterConversation {
    return this.#conversation;
  }

  async offer({ version, actions, protocol }: Offer = fullOffer): Promise<void> {
    const answer = (await this.#exchange("O", uint32(version) + uint32(actions) + uint32(protocol)))?.bytes;
    if (answer?.toString("latin1", 4, 5) !== "O") throw new Error("no answer to the offer");
    this.negotiated = { version: answer.readUInt32BE(5), actions: answer.readUInt32BE(9), protocol: answer.readUInt32BE(13) };
    this.#protocol = this.negotiated.protocol;
  }

  async macros(letter: string, values: Readonly<Record<string, string>>): Promise<void> {
    const pairs = Object.entries(values).flatMap(([name, value]) => [name.length === 1 ? name : `{${name}}`, value]);
    await this.#exchange("D", letter + strings(...pairs));
  }

  /** The reply in readable form; `undefined`: the command is not sent, or has no reply. Throws if that is not what was negotiated. */
  async send(letter: string, data = ""): Promise<string | undefined> {
    const [none = 0, noReply = 0] = eventFlags[letter] ?? [];
    if ((this.#protocol & none) !== 0) return undefined;
    const isAwaited = !neverAnswered.includes(letter) && (this.#protocol & noReply) === 0;
    const reply = await this.#exchange(letter, data);
    if (isAwaited !== (reply !== undefined)) throw new Error(`out of step at ${letter}: ${reply === undefined ? "no reply" : "a reply"}`);
    if (reply === undefined) return undefined;
    return shown(reply.bytes) + (reply.delayMs === 0 ? "" : ` (${reply.delayMs} ms)`);
  }

  async #exchange(letter: string, data: string): Promise<{ readonly bytes: Buffer; readonly delayMs: number } | undefined> {
    this.#decoder.push(frame(letter, data));
    const command = this.#decoder.next();
    if (command === undefined) throw new Error("no whole command");
    const reply = await this.#conversation.receive(command);
    return reply && { bytes: reply.text, delayMs: reply.delayMs };
  }
}

/** After the negotiation and CONNECT of an ordinary client. */
export async function connected(options: MilterOptions, offer = fullOffer, begin = openMilter(options)): Promise<Mta> {
  const mta = new Mta(options, begin);
  await mta.offer(offer);
  await mta.send("C", connect());
  return mta;
}

export const connect = (host = "mx.client.example", family = "4", address = "203.0.113.9", port = 4321): string =>
  `${host}\0${family}${family === "U" ? "" : `${String.fromCharCode(port >> 8, port & 255)}${address}\0`}`;

export const helo = (name: string): string => strings(name);

export const envelope = (...parts: readonly string[]): string => strings(...parts);

/** The packets of a response in readable form. */
export function shown(bytes: Buffer): string {
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const length = bytes.readUInt32BE(start);
    const letter = bytes.toString("latin1", start + 4, start + 5);
    const data = bytes.toString("utf8", start + 5, start + 4 + length);
    parts.push(packet(letter, data.replace(/\0$/, "").split("\0")));
    start += 4 + length;
  }
  return parts.join(" | ");
}

function packet(letter: string, [first = "", ...rest]: readonly string[]): string {
  switch (letter) {
    case "c":
      return "continue";
    case "s":
      return "skip";
    case "y":
      return first;
    case "-":
    case "+":
      return `${letter}${first}`;
    case "2":
      return `+${[first, ...rest].join(" ")}`;
    case "h":
      return `header ${first}`;
    case "e":
      return `from ${[first, ...rest].join(" ")}`;
    default:
      return `${letter}?`;
  }
}

/** The milter protocol for a listener. */
export const milterProtocolOf = (place: World, delayed: DelayedReplies) => {
  const begin = openMilter(milterWorld(place).options);
  return () => milterProtocol(begin(), delayed);
};
