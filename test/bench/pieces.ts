/** What each part of a decision takes: octets allocated, and time as a multiple of a plain loop in the same run. */

import { compileExpression } from "../../src/expr/compile.ts";
import { MemoryLookup } from "../../src/lookup/memory.ts";
import { CommandDecoder } from "../../src/wire/milter/command.ts";
import { encodeResponse } from "../../src/wire/milter/response.ts";
import { encodeAction, PolicyDecoder } from "../../src/wire/policy.ts";
import { subject, vocabulary, world } from "../support/expression-world.ts";
import { printTable, type Spread, shown, spread } from "./figures.ts";
import { type HotPath, heapFlags, hotPaths, octetsOf, repeat } from "./hot-paths.ts";
import { milterPackets, policyRequest } from "./load/dialogue.ts";
import { foundBy, send } from "./own-process.ts";
import { envelopeScript, envelopes } from "./sieve.ts";
import { verified } from "./verified.ts";

interface Piece {
  readonly name: string;
  readonly octets: number;
  /** Of the time of the plain loop. */
  readonly timeRatio: Spread;
}

const referenceOctets = 1000;

/** The plain loop. */
const addOctets: HotPath = () => {
  const bytes = Buffer.alloc(referenceOctets, "a");
  return () => {
    let sum = 0;
    for (let index = 0; index < bytes.length; index += 1) sum += bytes[index] ?? 0;
    if (sum === 0) throw new Error("nothing was added");
  };
};

function expression(source: string): HotPath {
  const { evaluate } = compileExpression(source, vocabulary);
  const ask = world();
  return () => () => {
    if (evaluate(subject, ask) instanceof Promise) throw new Error("it waits");
  };
}

function sieve(): HotPath {
  const isRefused = envelopeScript();
  return () => (index) => void isRefused(envelopes[index % envelopes.length] ?? {});
}

const policyCodec: HotPath = (count) => {
  const requests = Array.from({ length: count }, (_, number) => policyRequest(number, 1));
  const decoder = new PolicyDecoder();
  return (index) => {
    decoder.push(requests[index] ?? Buffer.alloc(0));
    if (decoder.next()?.recipient === undefined) throw new Error("no request");
    encodeAction("550 5.1.2 Mailbox does not exist.");
  };
};

const milterCodec: HotPath = (count) => {
  const sessions = Array.from({ length: count }, (_, number) => Buffer.concat([...milterPackets(number, 1, 0)]));
  return (index) => {
    const decoder = new CommandDecoder();
    decoder.push(sessions[index] ?? Buffer.alloc(0));
    while (decoder.next() !== undefined) encodeResponse({ kind: "continue" });
  };
};

/** Half of the keys that are asked for are in the list. */
function list(size: number, isPattern: boolean): HotPath {
  const domain = (number: number) => `host${number % (2 * size)}.example.net`;
  const keys = Array.from({ length: size }, (_, number) => `${isPattern ? "*" : "mail"}.${domain(number)}`);
  const lookup = new MemoryLookup(keys.map((key) => ({ key, glob: isPattern, value: 1 })));
  let first = 0;
  return (count) => {
    // New strings, as each request brings its own: V8 keeps the hash of a string that was looked up before.
    const asked = Array.from({ length: count }, (_, index) => Buffer.from(`mail.${domain((first + index) * 7919)}`).toString());
    first += count;
    return (index) => void lookup.get(asked[index] ?? "");
  };
}

async function pieces(): Promise<Readonly<Record<string, HotPath>>> {
  const paths = await hotPaths();
  return {
    "plain loop": addOctets,
    "expression, three comparisons": expression("local_port == 25 && is_empty(authenticated_as) && sender_domain != rcpt_domain"),
    "expression, a pattern": expression("matches('^([^.]+)\\\\.([^.]+)@(.+)$', rcpt)"),
    "Sieve, 10 envelope tests": sieve(),
    "policy codec, a request": policyCodec,
    "milter codec, a message": milterCodec,
    "list of 100,000 keys": list(100_000, false),
    "list of 1,000 patterns": list(1000, true),
    ...paths,
    ...(await verified()),
  };
}

const rounds = 9;
const count = 2000;

/** Microseconds of CPU time for each. */
async function timeOf(path: HotPath): Promise<number> {
  const work = path(count);
  const before = process.cpuUsage();
  await repeat(work, count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function measure(): Promise<readonly Piece[]> {
  const measured: Piece[] = [];
  for (const [name, path] of Object.entries(await pieces())) {
    // V8 has compiled it then.
    const octets = Math.round(await octetsOf(path));
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round += 1) ratios.push((await timeOf(path)) / (await timeOf(addOctets)));
    measured.push({ name, octets, timeRatio: spread(ratios) });
  }
  return measured;
}

export async function benchPieces(): Promise<readonly Piece[]> {
  // Only the program below sends them.
  const rows = (await foundBy(import.meta.url, heapFlags)) as Piece[];
  console.log(`each done ${count} times, medians of ${rounds} rounds; the plain loop adds ${referenceOctets} octets`);
  printTable(
    ["what", "octets allocated", "CPU time, of the plain loop"],
    rows.map(({ name, octets, timeRatio }) => [name, octets.toFixed(0), shown(timeRatio, 2)]),
  );
  return rows;
}

if (import.meta.main) send(await measure());
