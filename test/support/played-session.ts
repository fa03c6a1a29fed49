/** One SMTP session played by `explain` and by each protocol, on a daemon of one listener each. */
import type { Configuration, ListenerSettings } from "../../src/config/configuration.ts";
import { openCore } from "../../src/daemon/open-core.ts";
import type { Decision } from "../../src/frontend/decision.ts";
import { type PlayedSession, play } from "../../src/frontend/explain/play.ts";
import { openMilter } from "../../src/frontend/milter/milter.ts";
import { answerPolicy } from "../../src/frontend/policy/policy.ts";
import { answerSocketmap } from "../../src/frontend/socketmap/socketmap.ts";
import { parsePath } from "../../src/mail/path.ts";
import type { Core } from "../../src/stage/core.ts";
import { MemoryState } from "../../src/state/memory.ts";
import { SocketmapDecoder } from "../../src/wire/socketmap.ts";
import { request } from "./mail-domain.ts";
import { connect, envelope, helo, Mta } from "./milter-mta.ts";

export const commandNames = ["CONNECT", "EHLO", "MAIL", "RCPT", "VRFY", "EXPN"] as const;

export interface Command {
  readonly name: (typeof commandNames)[number];
  /** A name or an address. */
  readonly argument: string;
  readonly parameters: readonly string[];
}

export interface Session {
  readonly client: string;
  /** Of the client; `""`: none is confirmed. */
  readonly name: string;
  readonly port: number;
  /** That the MTA says it has; `0`: it says none. */
  readonly serverPort: number;
  readonly login: string;
  readonly tls: boolean;
  readonly commands: readonly Command[];
  /** Names the message. */
  readonly instance: string;
}

/** What came of each command; `-`: the protocol is not asked about it. */
export type Outcomes = readonly string[];

/** A daemon of one listener of each protocol, with a clock that is moved by hand. */
interface Place {
  readonly core: Core;
  readonly decisions: Decision[];
  listener(protocol: ListenerSettings["protocol"]): ListenerSettings;
}

/** Plays one session; the place is the same for all sessions of a file. */
type Player = (session: Session) => Promise<Outcomes>;

export function open(configuration: Configuration, now: () => number): Place {
  const state = new MemoryState();
  const { core } = openCore(configuration, {
    ...{ now, clock: now, onAvailability: () => {} },
    leaseState: () => ({ state, release: async () => {} }),
  });
  return {
    core,
    decisions: [],
    listener: (protocol) => {
      const listener = configuration.listeners.find((one) => one.protocol === protocol);
      if (listener === undefined) throw new Error(`no listener ${protocol}`);
      // One name for all, since rules and throttles may name it.
      return { ...listener, name: "smtp" };
    },
  };
}

/** What every front end is opened with. */
function optionsOf({ core, decisions }: Place, listener: ListenerSettings, now: () => number) {
  return {
    ...{ listener: listener.name, core: () => core, mode: () => listener.mode, localPort: () => listener.localPort, now },
    isTrusted: listener.trustedNetworks.contains,
    onDecision: (decision: Decision) => decisions.push(decision),
    onNotice: () => {},
  };
}

/** `pass -> where it goes`, or the reply, with its wait in seconds. */
function outcome(reply: string, delayMs: number, resolved: readonly string[] = []): string {
  if (reply !== "") return delayMs > 0 ? `${reply} (${delayMs / 1000} s)` : reply;
  return resolved.length === 0 ? "pass" : `pass -> ${resolved.join(", ")}`;
}

/** What decisions in the log say since there were so many; a duplicate goes nowhere. */
function resolvedSince({ decisions }: Place, count: number): readonly string[] {
  return decisions.slice(count).flatMap(({ reason, resolved }) => (reason === "duplicate" ? [] : resolved));
}

function shadowSince({ decisions }: Place, count: number): string | undefined {
  const refused = decisions.slice(count).filter(({ would }) => would !== undefined);
  return refused.length === 0 ? undefined : `pass, would be ${refused.map(({ reply }) => reply).join(", then ")}`;
}

const timed = / \((\d+) ms\)$/;

function byExplain(protocol: "policy" | "milter"): (place: Place) => Player {
  return (place) =>
    async ({ client: address, name, port, serverPort, login, tls, commands }) => {
      const named = (name: Command["name"]) => commands.find((command) => command.name === name);
      const mail = named("MAIL");
      const script: PlayedSession = {
        client: { address, name, port },
        server: { port: serverPort },
        ...{ helo: named("EHLO")?.argument, auth: login, tls, sender: mail?.argument, mailArgs: mail?.parameters ?? [] },
        recipients: commands.flatMap(({ name, argument, parameters }) =>
          name === "RCPT" ? [{ address: argument, args: parameters }] : [],
        ),
        ...{ vrfy: named("VRFY")?.argument, expn: named("EXPN")?.argument },
      };
      const steps = [...(await play(script, place.listener(protocol), place.core))];
      // Where no throttle counts connections there is no such step.
      if (named("CONNECT") === undefined && steps[0]?.stage === "connect") steps.shift();
      return commands.map(() => {
        const step = steps.shift();
        if (step === undefined) return "the session has ended";
        if (step.wouldReply !== undefined) return `pass, would be ${step.wouldReply}`;
        return outcome((step.reply ?? "").replaceAll("\r\n", " "), step.delayMs, step.resolved);
      });
    };
}

function byPolicy(place: Place, now: () => number): Player {
  const answer = answerPolicy(optionsOf(place, place.listener("policy"), now));
  return async ({ client: clientAddress, name: clientName, port, serverPort, login, tls, commands, instance }) => {
    const outcomes: string[] = [];
    let given = {
      ...{
        clientAddress,
        clientName: clientName || "unknown",
        clientPort: String(port),
        serverPort: String(serverPort),
        saslUsername: login,
        encryptionProtocol: tls ? "TLSv1.3" : "",
      },
      ...{ heloName: "", sender: "", recipient: "" },
    };
    for (const { name, argument } of commands) {
      if (name === "EXPN") {
        outcomes.push("-");
        continue;
      }
      // Postfix takes the quotes off.
      const { address } = parsePath(bytesOf(argument));
      const changed = {
        CONNECT: {},
        EHLO: { heloName: argument },
        MAIL: { sender: address },
        RCPT: { recipient: address },
        VRFY: { recipient: argument },
      };
      given = { ...given, ...changed[name] };
      const logged = place.decisions.length;
      const { text, delayMs } = await answer(request(name, { ...given, ...(name === "RCPT" && { instance }) }));
      const action = /^action=(.+)\n\n$/.exec(text)?.[1] ?? "";
      const reply = /^(?:DUNNO|PREPEND .*)$/.test(action) ? "" : action.replace(/^DEFER_IF_PERMIT/, "451");
      outcomes.push((reply === "" ? shadowSince(place, logged) : undefined) ?? outcome(reply, delayMs, resolvedSince(place, logged)));
    }
    return outcomes;
  };
}

function byMilter(place: Place, now: () => number): Player {
  const listener = place.listener("milter");
  const options = { ...optionsOf(place, listener, now), settings: () => listener };
  const begin = openMilter(options);
  return async ({ client: address, name: clientName, port, serverPort, login, tls, commands }) => {
    const mta = new Mta(options, begin);
    await mta.offer();
    await mta.macros("C", { daemon_port: String(serverPort) });
    await mta.send("C", connect(clientName || `[${address}]`, address.includes(":") ? "6" : "4", address, port));
    if (tls) await mta.macros("H", { tls_version: "TLSv1.3" });
    const outcomes: string[] = [];
    for (const { name, argument, parameters } of commands) {
      if (name === "EHLO") await mta.send("H", helo(bytesOf(argument)));
      if (name !== "MAIL" && name !== "RCPT") {
        outcomes.push("-");
        continue;
      }
      if (name === "MAIL" && login !== "") await mta.macros("M", { auth_authen: login });
      const logged = place.decisions.length;
      const answer = (await mta.send(name === "MAIL" ? "M" : "R", envelope(bytesOf(`<${argument}>`), ...parameters))) ?? "";
      const reply = answer.replace(timed, "").replace(/^continue$/, "");
      const shadow = reply === "" ? shadowSince(place, logged) : undefined;
      outcomes.push(shadow ?? outcome(reply, Number(timed.exec(answer)?.[1] ?? 0), resolvedSince(place, logged)));
    }
    return outcomes;
  };
}

/** One character a byte, as frames are made of. */
const bytesOf = (text: string) => Buffer.from(text).toString("latin1");

function bySocketmap(place: Place, now: () => number): Player {
  const answer = answerSocketmap({ ...optionsOf(place, place.listener("socketmap"), now), onLookup: () => {} });
  /** `undefined`: not found. */
  const ask = async (map: string, key: string): Promise<string | undefined> => {
    const decoder = new SocketmapDecoder();
    const text = `${map} ${key}`;
    decoder.push(Buffer.from(`${Buffer.byteLength(text)}:${text},`));
    const asked = decoder.next();
    const reply = (asked && (await answer(asked)).text) ?? "";
    if (/^\d+:TEMP /.test(reply)) return "TEMP";
    return /^\d+:OK (.*),$/.exec(reply)?.[1];
  };
  return async ({ commands }) => {
    const outcomes: string[] = [];
    for (const { name, argument } of commands) {
      switch (name) {
        case "EHLO":
          outcomes.push((await ask("helo", argument)) ?? "pass");
          break;
        case "RCPT": {
          const known = await ask("recipients", argument);
          if (known === undefined) outcomes.push("not found");
          else outcomes.push(known === "TEMP" ? known : `pass -> ${((await ask("aliases", argument)) ?? known).replaceAll(",", ", ")}`);
          break;
        }
        default:
          outcomes.push("-");
      }
    }
    return outcomes;
  };
}

/** `explain` is played for the two listeners that know sessions. */
export const players: Readonly<Record<string, (place: Place, now: () => number) => Player>> = {
  "explain policy": byExplain("policy"),
  policy: byPolicy,
  "explain milter": byExplain("milter"),
  milter: byMilter,
  socketmap: bySocketmap,
};
