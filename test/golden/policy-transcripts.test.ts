/** Conversations with the policy front end, as the transcripts beside this file have them (transcripts/policy/README.md says how to read one). */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { start } from "../support/loopback-server.ts";

const folder = new URL("./transcripts/policy/", import.meta.url);

const initial = {
  request: "smtpd_access_policy",
  protocol_name: "ESMTP",
  client_address: "203.0.113.9",
  client_name: "mx.client.example",
  client_port: "4000",
  server_address: "198.51.100.1",
  server_port: "25",
};

/** Plays what the MTA sends, and returns the transcript with what was answered and logged. */
async function replay(text: string): Promise<string> {
  const place = await start();
  const { decisions } = place.world;
  let attributes: Record<string, string> = initial;
  let client = await place.open();
  let taken = 0;
  const out: string[] = [];
  for (const line of text.split("\n")) {
    const [, mark, state, changes] = /^([>!]) (\S+) ?(.*)$/.exec(line) ?? [];
    if (mark === undefined) {
      if (!/^(< | {2}log )/.test(line)) out.push(line);
      continue;
    }
    out.push(line);
    if (mark === "!") {
      client.socket.destroy();
      client = await place.open();
      taken = 0;
      attributes = { ...attributes, client_port: String(Number(attributes.client_port) + 1) };
    }
    const given = (changes ?? "").split(" ").filter((change) => change !== "");
    attributes = { ...attributes, ...Object.fromEntries(given.map((change) => change.split("=", 2))) };
    const logged = decisions.length;
    client.send(
      `${Object.entries({ ...attributes, protocol_state: state })
        .map(([name, value]) => `${name}=${value}\n`)
        .join("")}\n`,
    );
    // Either the reply comes, or a timer is started that delays it.
    const delay = await Promise.race([client.received(taken + 1).then(() => undefined), place.clock.started()]);
    if (delay !== undefined) place.clock.strike();
    const reply = (await client.received(taken + 1)).slice(taken);
    taken += reply.length;
    out.push(`< ${/^action=(.*)\n\n$/.exec(reply)?.[1] ?? JSON.stringify(reply)}${delay === undefined ? "" : ` (${delay / 1000} s)`}`);
    for (const { stage, verdict, reason } of decisions.slice(logged)) out.push(`  log ${stage} ${verdict} ${reason}`);
  }
  return out.join("\n");
}

test.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", async (name) => {
  const text = readFileSync(new URL(name, folder), "utf8");
  await expect(await replay(text)).toMatchFileSnapshot(new URL(name, folder).pathname);
});
