/** Conversations with the milter front end, as the transcripts beside this file have them (transcripts/milter/README.md says how to read one). */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { world } from "../support/mail-domain.ts";
import { connect, fullOffer, Mta, milterWorld, oldOffer } from "../support/milter-mta.ts";
import type { Changes } from "../support/settings.ts";
import { rule } from "../support/settings.ts";

const folder = new URL("./transcripts/milter/", import.meta.url);

const letters: Readonly<Record<string, string>> = {
  CONNECT: "C",
  HELO: "H",
  MAIL: "M",
  RCPT: "R",
  DATA: "T",
  HEADER: "L",
  EOH: "N",
  BODY: "B",
  END: "E",
  UNKNOWN: "U",
  ABORT: "A",
  QUIT: "Q",
  QUIT_NC: "K",
};

function changesOf(settings: ReadonlyMap<string, string>): Changes {
  const rewrite = settings.get("session.rcpt.rewrite");
  const sender = settings.get("session.mail.rewrite");
  return {
    ...(sender !== undefined && { mail: { rewrite: rule(sender, "mail") } }),
    rcpt: {
      ...(rewrite !== undefined && { rewrite: rule(rewrite) }),
      ...(settings.get("session.rcpt.sub-addressing-delivery") === "keep" && { subAddressingDelivery: "keep" as const }),
      ...(settings.get("session.rcpt.aliases") === "primary" && { aliases: "primary" as const }),
    },
  };
}

function dataOf(command: string, words: readonly string[]): string {
  switch (command) {
    case "CONNECT": {
      const [host = "", address = "", port = "0"] = words;
      if (address === "unknown") return connect(host, "U");
      if (address.startsWith("/")) return connect(host, "L", address, 0);
      return connect(host, address.includes(":") ? "6" : "4", address, Number(port));
    }
    case "HELO":
    case "UNKNOWN":
      return `${words.join(" ")}\0`;
    case "MAIL":
    case "RCPT":
    case "HEADER":
      return words.map((word) => `${word}\0`).join("");
    case "BODY":
      return words.join(" ");
    default:
      return "";
  }
}

/** Plays what the MTA sends, and returns the transcript with what was answered and logged. */
async function replay(text: string): Promise<string> {
  const lines = text.split("\n");
  const settings = new Map(lines.flatMap((line) => [...line.matchAll(/^= (\S+) (.*)$/g)].map(([, key = "", value = ""]) => [key, value])));
  const place = world({ changes: changesOf(settings) });
  const { options } = milterWorld(place, {
    mode: settings.get("mode") === "shadow" ? "shadow" : "enforce",
    extensions: settings.get("extensions") === "enforce" ? "enforce" : "observe",
    rewrite: settings.get("rewrite") !== "false",
  });
  const mta = new Mta(options);
  await mta.offer(settings.get("offer") === "old" ? oldOffer : fullOffer);
  const out: string[] = [];
  for (const line of lines) {
    const [, command = "", rest = ""] = /^> (\S+) ?(.*)$/.exec(line) ?? [];
    if (command === "") {
      if (!/^(< | {2}log | {2}notice )/.test(line)) out.push(line);
      continue;
    }
    out.push(line);
    const words = rest.split(" ").filter((word) => word !== "");
    const logged = [place.decisions.length, place.notices.length];
    if (command === "macros") {
      const [stage = "", ...pairs] = words;
      await mta.macros(letters[stage] ?? "", Object.fromEntries(pairs.map((pair) => pair.split("=", 2))));
    } else {
      const answer = await mta.send(letters[command] ?? "", dataOf(command, words));
      for (const part of answer?.split(" | ") ?? [])
        out.push(`< ${part.replace(/ \((\d+) ms\)$/, (_all, ms) => ` (${Number(ms) / 1000} s)`)}`);
    }
    for (const { stage, verdict, reason, would } of place.decisions.slice(logged[0])) {
      out.push(`  log ${stage} ${verdict} ${reason}${would === undefined ? "" : `, would ${would}`}`);
    }
    for (const { kind } of place.notices.slice(logged[1])) out.push(`  notice ${kind}`);
  }
  return out.join("\n");
}

test.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", async (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  await expect(await replay(text)).toMatchFileSnapshot(new URL(name, folder).pathname);
});
