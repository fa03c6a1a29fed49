/** A program that asks a state store about new triplets until it is killed, and prints each answered one with its first time. */
import { openState } from "../../src/state/open-state.ts";
import { greylistQuestion } from "./state-question.ts";
import { sqliteSettings } from "./stores.ts";

const [path = "", run = ""] = process.argv.slice(2);
const state = openState(sqliteSettings(path), { onAvailability: () => {} });
let number = 0;

async function ask(): Promise<void> {
  for (;;) {
    const now = Date.now();
    const sender = `${run}-${number++}@example.org`;
    const answer = await state.greylist(greylistQuestion({ sender, now }));
    if (answer.kind !== "wait" || !answer.isNew) throw new Error(`${sender}: ${JSON.stringify(answer)}`);
    process.stdout.write(`${sender} ${now}\n`);
    // The daemon does more in each turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(Array.from({ length: 50 }, ask));
