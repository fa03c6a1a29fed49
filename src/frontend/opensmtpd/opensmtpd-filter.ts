/** OpenSMTPD's sessions, put to a policy listener: each connect, EHLO, MAIL and RCPT is one question. */
import { parsePath } from "../../mail/path.ts";
import { decodeUtf8 } from "../../mail/utf8.ts";
import { errorMessage, stackOf } from "../../text/error-message.ts";
import { detach } from "../../text/octets.ts";
import {
  encodeDecision,
  type FilterDecision,
  type FilterEvent,
  FilterLines,
  type FilterRequest,
  maxLineOctets,
  type Phase,
  parseFilterLine,
  ready,
  registration,
} from "../../wire/opensmtpd.ts";
import { type Action, encodeRequest } from "../../wire/policy-question.ts";
import { SayOnce } from "../say-once.ts";

export interface FilterSurroundings {
  /** Asks Postern; rejects when it cannot be asked. */
  ask(request: string): Promise<Action>;
  /** To OpenSMTPD. */
  send(lines: string): void;
  /** For its log: one line, without its end. */
  log(line: string): void;
  /** Of MAIL and RCPT when Postern cannot be asked: to proceed, or a 4yz reply. */
  readonly whenAway: FilterDecision;
}

/** OpenSMTPD has fewer, by its open files. Those that began first make room. */
const maxSessions = 100_000;

interface FilterSession {
  /** Attributes of its requests, by their names. */
  readonly known: Record<string, string>;
  /** Mail of this host itself. */
  readonly isLocal: boolean;
  messages: number;
}

export class OpenSmtpdFilter {
  readonly #surroundings: FilterSurroundings;
  readonly #lines = new FilterLines();
  readonly #sessions = new Map<string, FilterSession>();
  readonly #sayOnce = new SayOnce();
  #receives = false;
  #isAway = false;

  constructor(surroundings: FilterSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Throws a `ProtocolError` when OpenSMTPD is too old. */
  push(portion: Buffer): void {
    for (const line of this.#lines.push(portion)) {
      const event = parseFilterLine(line);
      if (event?.kind === "request") this.#answer(event, line.length > maxLineOctets);
      else if (event !== undefined) this.#note(event);
    }
  }

  #note(event: Exclude<FilterEvent, FilterRequest>): void {
    switch (event.kind) {
      case "receives":
        this.#receives = true;
        break;
      case "configured":
        this.#register();
        break;
      case "connect":
        this.#begin(event);
        break;
      case "identify":
        this.#know(event.session, { helo_name: event.name });
        break;
      case "tls":
        this.#know(event.session, { encryption_protocol: event.version, encryption_cipher: event.cipher });
        break;
      case "auth":
        this.#know(event.session, { sasl_username: event.login });
        break;
      case "disconnect":
        this.#sessions.delete(event.session);
    }
  }

  /** OpenSMTPD ends when a filter registers for what it is not attached to. */
  #register(): void {
    if (!this.#receives) this.#surroundings.log("asked about nothing: no listener in smtpd.conf has this filter");
    this.#surroundings.send(this.#receives ? registration + ready : ready);
  }

  #begin({ session, isLocal, name, client, server }: Extract<FilterEvent, { kind: "connect" }>): void {
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= maxSessions && oldest !== undefined) this.#sessions.delete(oldest);
    const known = {
      client_address: client.address,
      client_name: name,
      client_port: client.port,
      server_address: server.address,
      server_port: server.port,
    };
    this.#sessions.set(session, { known, isLocal, messages: 0 });
  }

  #know(session: string, attributes: Record<string, string>): void {
    Object.assign(this.#sessions.get(session)?.known ?? {}, attributes);
  }

  #answer(request: FilterRequest, isTooLong: boolean): void {
    const decided = isTooLong ? Promise.resolve(tooLong) : this.#decide(request);
    decided
      .catch((error: unknown): FilterDecision => {
        this.#surroundings.log(`internal error: ${stackOf(error)}`.replaceAll("\n", " "));
        return this.#default(request.phase);
      })
      .then((decision) => this.#surroundings.send(encodeDecision(request, decision)));
  }

  async #decide({ session: id, phase, argument }: FilterRequest): Promise<FilterDecision> {
    const session = this.#sessions.get(id);
    if (session === undefined) return this.#default(phase);
    if (session.isLocal) return proceed;
    if (phase === "mail-from") session.messages += 1;
    const about = attributesOf(phase, argument);
    if (phase === "mail-from") Object.assign(session.known, about);
    const { known, messages } = session;
    const request = encodeRequest({
      protocol_state: stateOf[phase],
      ...known,
      ...about,
      instance: messages === 0 ? "" : `${id}.${messages}`,
    });
    try {
      const action = await this.#surroundings.ask(request);
      this.#isBack();
      return this.#decision(action, phase);
    } catch (error) {
      this.#away(error);
      return this.#default(phase);
    }
  }

  #decision({ verb, text }: Action, phase: Phase): FilterDecision {
    if (verb === "DUNNO") return proceed;
    if (verb === "PREPEND") {
      this.#once(`a header is left out, since OpenSMTPD's filters add none before the message: ${text.split(":", 1)[0]}`);
      return proceed;
    }
    // As Postfix, which has a code of its own for this action.
    if (verb === "DEFER_IF_PERMIT") return refusal(`450 ${text}`, phase);
    if (/^[45]\d\d$/.test(verb)) return refusal(`${verb} ${text}`, phase);
    this.#once(`an action that no filter can carry out: ${verb}`);
    return this.#default(phase);
  }

  /** What is not decided at connect or EHLO is asked about again at MAIL and RCPT. */
  #default(phase: Phase): FilterDecision {
    return phase === "mail-from" || phase === "rcpt-to" ? this.#surroundings.whenAway : proceed;
  }

  #away(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const { whenAway, log } = this.#surroundings;
    const meanwhile = whenAway.kind === "proceed" ? "all mail passes" : `MAIL and RCPT get "${whenAway.reply}"`;
    log(`Postern cannot be asked, and ${meanwhile}: ${errorMessage(error)}`);
  }

  #isBack(): void {
    if (this.#isAway) this.#surroundings.log("Postern answers again");
    this.#isAway = false;
  }

  #once(line: string): void {
    if (this.#sayOnce.allows(line)) this.#surroundings.log(line);
  }
}

const stateOf = { connect: "CONNECT", helo: "HELO", ehlo: "EHLO", "mail-from": "MAIL", "rcpt-to": "RCPT" } as const;

const proceed: FilterDecision = { kind: "proceed" };

const tooLong: FilterDecision = { kind: "reject", reply: "500 5.5.2 Line too long." };

/** A client that is refused when it connects would be greeted no more, and OpenSMTPD would wait for it. */
function refusal(reply: string, phase: Phase): FilterDecision {
  return { kind: phase === "connect" || reply.startsWith("421 ") ? "disconnect" : "reject", reply };
}

function attributesOf(phase: Phase, argument: string): Record<string, string> {
  switch (phase) {
    case "connect":
      return {};
    case "helo":
    case "ehlo":
      return { helo_name: decodeUtf8(argument) };
    case "mail-from":
      return { sender: pathOf(argument), size: /\sSIZE=(\d{1,20})(?:\s|$)/i.exec(argument)?.[1] ?? "" };
    case "rcpt-to":
      return { recipient: pathOf(argument) };
  }
}

/** As OpenSMTPD reads it: the path ends at the first bracket, and parameters follow. */
function pathOf(argument: string): string {
  return detach(parsePath(/^<[^>]*>/.exec(argument)?.[0] ?? argument).address);
}
