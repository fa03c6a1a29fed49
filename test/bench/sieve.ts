/** What ten envelope tests cost in a script, as a multiple of the same tests written by hand. */
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import type { ScriptEnvelope } from "../../src/sieve/script.ts";
import { surroundingsOf, vocabularyOf } from "../support/script-world.ts";
import { quantile } from "./figures.ts";

const source = `
require ["envelope", "reject", "subaddress", "comparator-i;octet"];
if anyof (
    envelope "from" ["a@spammer.example", "b@spammer.example", "c@spammer.example"],
    envelope "to" "nobody@example.org",
    envelope :domain "from" ["spammer.example", "other.example"],
    envelope :domain :contains "from" "spam",
    envelope :localpart "to" "noreply",
    envelope :localpart :contains "from" "bulk",
    envelope :detail "to" "closed",
    envelope :matches "from" "bounce-*@*.example",
    envelope :matches "to" "old-??@example.org",
    envelope :comparator "i;octet" :domain "to" "Example.ORG"
) {
    reject "550 5.7.1 No.";
}
`;

const senders = new Set(["a@spammer.example", "b@spammer.example", "c@spammer.example"]);

/** The same tests; addresses of the envelope are in lower case. */
function byHand({ from = "", to = "" }: ScriptEnvelope): string | undefined {
  const fromAt = from.lastIndexOf("@");
  const toAt = to.lastIndexOf("@");
  const fromDomain = from.slice(fromAt + 1);
  const toLocal = to.slice(0, toAt);
  const plus = toLocal.indexOf("+");
  const isRefused =
    senders.has(from) ||
    to === "nobody@example.org" ||
    fromDomain === "spammer.example" ||
    fromDomain === "other.example" ||
    fromDomain.includes("spam") ||
    toLocal === "noreply" ||
    from.slice(0, fromAt).includes("bulk") ||
    (plus >= 0 && toLocal.slice(plus + 1) === "closed") ||
    (from.startsWith("bounce-") && from.endsWith(".example") && from.indexOf("@") < from.length - ".example".length) ||
    (to.length === "old-??@example.org".length && to.startsWith("old-") && to.endsWith("@example.org")) ||
    to.slice(toAt + 1) === "Example.ORG";
  return isRefused ? "550 5.7.1 No." : undefined;
}

export const envelopes: readonly ScriptEnvelope[] = Array.from({ length: 5000 }, (_, index) => ({
  from: index % 10 === 0 ? `bounce-${index}@list.example` : `jane${index}@sender${index % 97}.example`,
  to: `john${index % 89}+shop@example.org`,
}));

/** A low percentile: other work on the machine delays V8's compiler, which slows a script for far longer than a small function. */
const quiet = (figures: readonly number[]) => quantile(figures, 0.1);

/** Nanoseconds for one envelope; a tenth of them is refused. */
function timed(isRefused: (envelope: ScriptEnvelope) => boolean): number {
  let refused = 0;
  const start = process.hrtime.bigint();
  for (const envelope of envelopes) if (isRefused(envelope)) refused += 1;
  const took = Number(process.hrtime.bigint() - start);
  if (refused !== envelopes.length / 10) throw new Error(`${refused} were refused`);
  return took / envelopes.length;
}

/** The script, compiled: whether it refuses an envelope. */
export function envelopeScript(): (envelope: ScriptEnvelope) => boolean {
  const { script, problems } = compileScript("bench", source, vocabularyOf());
  if (script === undefined) throw new Error(JSON.stringify(problems));
  const world = { environment: new Map(), envelope: {}, lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0 };
  const surroundings = surroundingsOf(world, false);
  return (envelope) => {
    const outcome = script.run({ ...surroundings, envelope });
    if (outcome instanceof Promise) throw new Error("it waits");
    return outcome.action.kind === "reject";
  };
}

interface SieveBench {
  readonly name: string;
  readonly scriptNs: number;
  readonly handNs: number;
  readonly ratio: number;
}

/** The aim is a ratio of 10 at most. */
export function benchSieve(): SieveBench {
  const byScript = envelopeScript();
  const hand = (envelope: ScriptEnvelope) => byHand(envelope) !== undefined;
  // In turn, so that other work on the machine slows both; the first rounds let V8 compile.
  const rounds = Array.from({ length: 80 }, () => [timed(byScript), timed(hand)] as const).slice(20);
  const scriptNs = quiet(rounds.map(([ns]) => ns));
  const handNs = quiet(rounds.map(([, ns]) => ns));
  const bench = { name: "sieve: 10 envelope tests / by hand", scriptNs, handNs, ratio: scriptNs / handNs };
  console.log(`${bench.name}: ${scriptNs.toFixed(0)} ns, ${handNs.toFixed(0)} ns, ratio ${bench.ratio.toFixed(1)} (at most 10)`);
  return bench;
}
