/** The same sessions through the stages and each protocol: a rule never behaves differently because the MTA spoke another one. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { play, type Script } from "../../src/cli/play.ts";
import type { ListenerSettings } from "../../src/config/configuration.ts";
import { answerSocketmap } from "../../src/frontend/socketmap/socketmap.ts";
import { SocketmapDecoder } from "../../src/wire/socketmap.ts";
import { client, request, type World, world } from "../support/mail-domain.ts";
import { connect, envelope, helo, Mta, milterWorld } from "../support/milter-mta.ts";

const folder = new URL("./transcripts/scenarios/", import.meta.url);

interface Command {
  readonly name: "EHLO" | "MAIL" | "RCPT";
  /** A name or an address. */
  readonly argument: string;
  readonly parameters: readonly string[];
}

interface Scenario {
  readonly client: string;
  readonly login: string;
  readonly tls: boolean;
  readonly commands: readonly Command[];
}

/** What came of each command. */
type Outcomes = readonly string[];

function parse(lines: readonly string[]): Scenario {
  const commands: Command[] = [];
  const facts = new Map<string, string>();
  for (const line of lines) {
    const [word = "", ...rest] = line.split(" ");
    if (word === "EHLO" || word === "RCPT") commands.push({ name: word, argument: rest[0] ?? "", parameters: rest.slice(1) });
    // Without a sender it is the null sender.
    else if (word === "MAIL") commands.push({ name: word, argument: rest[0] ?? "", parameters: rest.slice(1) });
    else facts.set(word, rest.join(" "));
  }
  return { client: facts.get("client") ?? "203.0.113.9", login: facts.get("login") ?? "", tls: facts.has("tls"), commands };
}

/** `pass -> where it goes`, or the reply, with its wait in seconds. */
function outcome(reply: string, delayMs: number, resolved: readonly string[]): string {
  if (reply !== "") return delayMs > 0 ? `${reply} (${delayMs / 1000} s)` : reply;
  return resolved.length === 0 ? "pass" : `pass -> ${resolved.join(", ")}`;
}

/** What decisions in the log say since there were so many; a duplicate goes nowhere. */
function resolvedSince({ decisions }: World, count: number): readonly string[] {
  return decisions.slice(count).flatMap(({ reason, resolved }) => (reason === "duplicate" ? [] : resolved));
}

async function byStages({ client: address, login, tls, commands }: Scenario, { core, options }: World): Promise<Outcomes> {
  const find = (name: Command["name"]) => commands.find((command) => command.name === name);
  const mail = find("MAIL");
  const script: Script = {
    client: { address, name: "mx.client.example", port: 4321 },
    helo: find("EHLO")?.argument,
    auth: login,
    tls,
    sender: mail?.argument,
    mailArgs: mail?.parameters ?? [],
    recipients: commands.flatMap(({ name, argument, parameters }) => (name === "RCPT" ? [{ address: argument, args: parameters }] : [])),
  };
  const listener: ListenerSettings = {
    ...{ name: "smtp", protocol: "policy", bind: [], socketMode: 0, socketGroup: undefined, localPort: 25, mode: "enforce" },
    ...{ maxConnections: 1, extensions: "observe", rewrite: true },
    trustedNetworks: { texts: [], contains: options.isTrusted },
  };
  const steps = await play(script, listener, core);
  return steps.map(({ reply, delayMs, resolved = [] }) => outcome(reply ?? "", delayMs, resolved));
}

async function byPolicy({ client: clientAddress, login, tls, commands }: Scenario, place: World): Promise<Outcomes> {
  const ask = client(place);
  const outcomes: string[] = [];
  let given = { clientAddress, saslUsername: login, encryptionProtocol: tls ? "TLSv1.3" : "", heloName: "", sender: "", recipient: "" };
  for (const { name, argument } of commands) {
    const changed = { EHLO: { heloName: argument }, MAIL: { sender: argument }, RCPT: { recipient: argument } }[name];
    given = { ...given, ...changed };
    const logged = place.decisions.length;
    const [, action = "", ms = "0"] = /^(.*?)(?: \((\d+) ms\))?$/.exec(await ask(request(name, given))) ?? [];
    outcomes.push(outcome(action === "DUNNO" ? "" : action, Number(ms), resolvedSince(place, logged)));
  }
  return outcomes;
}

async function byMilter({ client: address, login, tls, commands }: Scenario, place: World): Promise<Outcomes> {
  const mta = new Mta(milterWorld(place, { extensions: "enforce" }).options);
  await mta.offer();
  await mta.send("C", connect("mx.client.example", "4", address));
  if (tls) await mta.macros("H", { tls_version: "TLSv1.3" });
  const outcomes: string[] = [];
  for (const { name, argument, parameters } of commands) {
    if (name === "EHLO") {
      await mta.send("H", helo(argument));
      outcomes.push("-");
      continue;
    }
    if (name === "MAIL" && login !== "") await mta.macros("M", { auth_authen: login });
    const logged = place.decisions.length;
    const answer = (await mta.send(name === "MAIL" ? "M" : "R", envelope(`<${argument}>`, ...parameters))) ?? "";
    const [, reply = "", ms = "0"] = /^(.*?)(?: \((\d+) ms\))?$/.exec(answer) ?? [];
    outcomes.push(outcome(reply === "continue" ? "" : reply, Number(ms), resolvedSince(place, logged)));
  }
  return outcomes;
}

async function bySocketmap({ commands }: Scenario, place: World): Promise<Outcomes> {
  const { core, isTrusted } = place.options;
  const answer = answerSocketmap({
    ...{ listener: "smtp", core, isTrusted, mode: () => "enforce", localPort: () => 25 },
    onLookup: () => {},
    onNotice: () => {},
  });
  /** `undefined`: not found. */
  const ask = async (map: string, key: string): Promise<string | undefined> => {
    const decoder = new SocketmapDecoder();
    const text = `${map} ${key}`;
    decoder.push(Buffer.from(`${Buffer.byteLength(text)}:${text},`));
    const asked = decoder.next();
    const reply = asked && (await answer(asked)).text;
    return /^\d+:OK (.*),$/.exec(reply ?? "")?.[1];
  };
  const outcomes: string[] = [];
  for (const { name, argument } of commands) {
    switch (name) {
      case "EHLO":
        outcomes.push((await ask("helo", argument)) ?? "pass");
        break;
      case "MAIL":
        outcomes.push("-");
        break;
      case "RCPT": {
        const known = await ask("recipients", argument);
        outcomes.push(known === undefined ? "not found" : `pass -> ${((await ask("aliases", argument)) ?? known).replaceAll(",", ", ")}`);
      }
    }
  }
  return outcomes;
}

const protocols = { stages: byStages, policy: byPolicy, milter: byMilter, socketmap: bySocketmap };

async function replay(text: string): Promise<string> {
  const lines = text.split("\n").filter((line) => !line.startsWith("  "));
  const scenario = parse(lines.filter((line) => line !== "" && !line.startsWith("#")));
  const played: (readonly [name: string, outcomes: Outcomes])[] = [];
  for (const [name, by] of Object.entries(protocols)) played.push([name, await by(scenario, world())]);
  const out: string[] = [];
  let index = 0;
  for (const line of lines) {
    out.push(line);
    if (!/^(EHLO|MAIL|RCPT)\b/.test(line)) continue;
    const groups = new Map<string, string[]>();
    for (const [name, outcomes] of played) {
      const result = outcomes[index] ?? "the session has ended";
      groups.set(result, [...(groups.get(result) ?? []), name]);
    }
    for (const [result, names] of groups) out.push(`  ${names.join(", ")}: ${result}`);
    index += 1;
  }
  return out.join("\n");
}

test.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", async (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  expect(await replay(text)).toBe(text);
});
