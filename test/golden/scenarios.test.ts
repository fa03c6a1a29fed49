/** The same sessions by `explain` and by each protocol: a rule never behaves differently because the MTA spoke another one. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Configuration } from "../../src/config/configuration.ts";
import { parseConfiguration } from "../../src/config/load.ts";
import { DnsServer } from "../support/dns-server.ts";
import { type Command, commandNames, type Outcomes, open, players, type Session } from "../support/played-session.ts";
import { type SmtpServer, startSmtpServer } from "../support/smtp-server.ts";

const folder = new URL("./scenarios/", import.meta.url);

const listeners = `
[listener.policy]
protocol = "policy"
bind = ["127.0.0.1:1"]
[listener.milter]
protocol = "milter"
bind = ["127.0.0.1:2"]
extensions = "enforce"
[listener.socketmap]
protocol = "socketmap"
bind = ["127.0.0.1:3"]
`;

/** For a directory of `type = "smtp"` at `port = 1`. */
let server: SmtpServer;
beforeAll(async () => {
  server = await startSmtpServer();
});
afterAll(() => server.close());

/** `resolver`: of the DNS that the scenario has. */
function configurationOf(toml: string, resolver?: string): Configuration {
  const dns = resolver === undefined ? "" : `[dns]\nresolvers = ["${resolver}"]\n`;
  const text = toml.replace(/^port = 1$/m, `port = ${server.port}`);
  const { configuration, problems } = parseConfiguration(`${text}\n${dns}${listeners}`, "scenario.toml", () => "");
  if (configuration === undefined) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  return configuration;
}

/** Facts stand before the first command. */
function parse(lines: readonly string[], number: number): Session {
  const facts = new Map<string, string>();
  const commands: Command[] = [];
  for (const line of lines) {
    const [word = "", ...rest] = line.split(" ");
    const name = commandNames.find((one) => one === word);
    if (name === undefined) facts.set(word, rest.join(" "));
    else commands.push({ name, argument: (rest[0] ?? "").replaceAll("_", " "), parameters: rest.slice(1) });
  }
  return {
    client: facts.get("client") ?? "203.0.113.9",
    name: facts.has("unnamed") ? "" : "mx.client.example",
    port: Number(facts.get("port") ?? 4000 + number),
    serverPort: 25,
    ...{ login: facts.get("login") ?? "", tls: facts.has("tls"), commands, instance: `${number}.0` },
  };
}

/** Above `---` the configuration, below it sessions with an empty line between them. Writes it all anew, with what came of each command. */
async function replay(text: string, resolver?: string): Promise<string> {
  const [toml = "", body = ""] = text.split(/^---\n/m);
  const configuration = configurationOf(toml, resolver);
  let time = 0;
  const now = () => time;
  const playing = Object.entries(players).map(([name, open_]) => [name, open_(open(configuration, now), now)] as const);
  const sessions: string[] = [];
  for (const [number, part] of body.trimEnd().split("\n\n").entries()) {
    const lines = part.split("\n").filter((line) => !line.startsWith("  "));
    const [, minutes] = /^wait (\d+)m$/m.exec(part) ?? [];
    time += Number(minutes ?? 0) * 60_000;
    const session = parse(
      lines.filter((line) => !/^(#|wait )/.test(line)),
      number,
    );
    const played: (readonly [string, Outcomes])[] = [];
    for (const [name, play_] of playing) played.push([name, await play_(session)]);
    const out: string[] = [];
    let index = 0;
    for (const line of lines) {
      out.push(line);
      if (!commandNames.some((name) => line === name || line.startsWith(`${name} `))) continue;
      out.push(...grouped(played.map(([name, outcomes]) => [name, outcomes[index] ?? "the session has ended"])));
      index += 1;
    }
    sessions.push(out.join("\n"));
  }
  return `${toml}---\n${sessions.join("\n\n")}\n`;
}

/** Protocols that say the same on one line; `explain` is named only where it differs from what it explains. */
function grouped(said: readonly (readonly [name: string, outcome: string])[]): readonly string[] {
  const byName = new Map(said);
  const groups = new Map<string, string[]>();
  for (const [name, result] of said) {
    if (result === "-" || (name.startsWith("explain ") && isExplained(result, byName.get(name.slice("explain ".length))))) continue;
    groups.set(result, [...(groups.get(result) ?? []), name]);
  }
  return [...groups].map(([result, names]) => `  ${names.join(", ")}: ${result}`);
}

function isExplained(result: string, protocol: string | undefined): boolean {
  return result === protocol || (protocol === "-" && result === "pass");
}

/** What the DNS of a scenario has, if it asks it: entries of `DnsServer`. */
async function dnsOf(name: string): Promise<DnsServer | undefined> {
  const file = new URL(name.replace(/\.txt$/, ".dns.json"), folder);
  return existsSync(file) ? DnsServer.start(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

test.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", async (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  const dns = await dnsOf(name);
  await expect(await replay(text, dns?.address)).toMatchFileSnapshot(new URL(name, folder).pathname);
  await dns?.stop();
});
