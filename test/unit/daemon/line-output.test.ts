/** All lines leave in their order, however long they are. What cannot leave waits, up to a bound, and nobody waits for it. */
import { execFileSync, spawn } from "node:child_process";
import files, { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, expect, onTestFinished, test, vi } from "vitest";
import { LineOutput } from "../../../src/daemon/line-output.ts";
import { runs } from "../../support/runs.ts";

const scratch = mkdtempSync(join(tmpdir(), "postern-lines-"));
const descriptors: number[] = [];
afterAll(() => {
  for (const descriptor of descriptors) closeSync(descriptor);
  rmSync(scratch, { recursive: true });
});

afterEach(() => {
  vi.restoreAllMocks();
});

function open(path: string, isShared: boolean) {
  const descriptor = openSync(path, "w");
  descriptors.push(descriptor);
  const lost: number[] = [];
  return { output: new LineOutput({ descriptor, isShared, onLost: (lines) => lost.push(lines) }), lost };
}

function openOutput(isShared: boolean) {
  const path = join(scratch, `${descriptors.length}`);
  return { ...open(path, isShared), written: () => readFileSync(path, "utf8"), octets: () => statSync(path).size };
}

/** To which other processes may write, too. */
function openPipe() {
  const path = join(scratch, `${descriptors.length}`);
  execFileSync("mkfifo", [path]);
  const received: Buffer[] = [];
  const reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] });
  reader.stdout.on("data", (bytes: Buffer) => received.push(bytes));
  return { ...open(path, true), written: () => Buffer.concat(received).toString() };
}

type Write = (
  descriptor: number,
  lines: Buffer,
  from: number,
  octets: number,
  position: null,
  written: (error: Error | null, octets?: number) => void,
) => void;

/** `each`: what comes of each write in place of that of the system, which it is given. */
function spyOnWrites(each: (system: Write) => Write) {
  // It is called in this way only.
  const system = files.write as unknown as Write;
  return vi.spyOn(files, "write").mockImplementation(each(system) as unknown as typeof files.write);
}

const diskFull = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

const line = fc
  .tuple(fc.constantFrom("x", "ü", "用", "\u{1f600}"), fc.constantFrom(0, 1, 100, 1365, 4094, 4095, 4096, 70_000), fc.nat(9))
  .map(([character, length, more]) => `${character.repeat(length)}${more}`);

const ended = (lines: readonly string[]) => lines.map((one) => `${one}\n`).join("");

test.each([true, false])("they are whole and in order; shared with other processes: %s", async (isShared) => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
      const { output, written } = openOutput(isShared);
      for (const one of lines) output.write(one);
      await expect.poll(written).toBe(ended(lines));
    }),
    { numRuns: runs(20) },
  );
});

test.each([true, false])("also where the system takes a part, or nothing for a while; shared: %s", async (isShared) => {
  let calls = 0;
  spyOnWrites((system) => (descriptor, lines, from, octets, position, done) => {
    calls += 1;
    if (calls % 3 === 2) done(diskFull);
    else system(descriptor, lines, from, Math.ceil(octets / 2), position, done);
  });
  const { output, written } = openOutput(isShared);
  const lines = Array.from({ length: 20 }, (_, index) => `${index} ${"用".repeat(index)}`);
  for (const one of lines) {
    output.write(one);
    await new Promise(setImmediate);
  }
  await expect.poll(written, { timeout: 20_000 }).toBe(ended(lines));
});

test("what other processes write comes between whole lines: a pipe takes 4096 octets at once", async () => {
  const portions: string[] = [];
  spyOnWrites((system) => (descriptor, lines, from, octets, ...more) => {
    portions.push(lines.toString("utf8", from, from + octets));
    system(descriptor, lines, from, octets, ...more);
  });
  const { output, written } = openPipe();
  const lines = Array.from({ length: 400 }, (_, index) => `${index} ${"用".repeat(index)}`);
  for (const one of lines) output.write(one);
  await expect.poll(written).toBe(ended(lines));
  expect(portions.length).toBeGreaterThan(1);
  expect(portions.filter((portion) => !portion.endsWith("\n") || Buffer.byteLength(portion) > 4096)).toEqual([]);
});

test("what has come while lines were written leaves at once, so that a busy process does not say more than it writes", async () => {
  const write = vi.spyOn(files, "write");
  const { output, octets } = openOutput(false);
  for (let count = 0; count < 20_000; count += 1) output.write("x".repeat(99));
  await expect.poll(octets).toBe(2_000_000);
  expect(write.mock.calls.length).toBeLessThan(5);
});

test("beyond a bound they are lost and counted, until there is room", async () => {
  const held: (() => void)[] = [];
  spyOnWrites((system) => (...args) => {
    if (held.length === 0) held.push(() => system(...args));
    else system(...args);
  });
  const { output, written, octets, lost } = openOutput(false);
  output.write("first");
  await expect.poll(() => held.length).toBe(1);
  const long = "x".repeat(1_000_000);
  for (let number = 10; number < 40; number += 1) output.write(`${number}${long}`);
  held[0]?.();
  await expect.poll(() => lost).toHaveLength(1);
  const kept = 30 - (lost[0] ?? 0);
  output.write("last");
  await expect.poll(octets).toBe("first\nlast\n".length + kept * (long.length + 3));
  const beginnings = written()
    .split("\n")
    .map((one) => one.slice(0, 5));
  expect(beginnings).toEqual(["first", ...Array.from({ length: kept }, (_, index) => `${index + 10}xxx`), "last", ""]);
  expect(kept).toBeGreaterThan(10);
  expect(kept).toBeLessThan(17);
});

test("a flush leaves nothing", () => {
  const { output, written } = openOutput(false);
  output.write("one");
  output.write("two");
  expect(written()).toBe("");
  output.flush();
  expect(written()).toBe("one\ntwo\n");
});

test("a flush writes what is not being written, also if the process goes on", async () => {
  const held: (() => void)[] = [];
  spyOnWrites(
    (system) =>
      (...args) =>
        held.push(() => system(...args)),
  );
  const { output, written } = openPipe();
  const lines = ["a", "b", "c"].map((one) => one.repeat(3000));
  for (const one of lines) output.write(one);
  await expect.poll(() => held.length).toBe(1);
  output.write("d");
  output.flush();
  await expect.poll(written).toBe(ended([...lines.slice(1), "d"]));
  held[0]?.();
  await expect.poll(written).toBe(ended([...lines.slice(1), "d", lines[0] ?? ""]));
  output.write("e");
  await expect.poll(() => held.length).toBe(2);
  held[1]?.();
  await expect.poll(written).toBe(ended([...lines.slice(1), "d", lines[0] ?? "", "e"]));
});

test("a full disk holds up neither the process nor its end", async () => {
  const write = vi.spyOn(files, "write");
  const { output } = open("/dev/full", false);
  output.write("one");
  await expect.poll(() => write.mock.calls.length).toBeGreaterThan(1);
  output.flush();
});

test("one write is under way at a time, though its moment has come while many lines came", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const held: (() => void)[] = [];
  spyOnWrites(
    (system) =>
      (...parameters) =>
        held.push(() => system(...parameters)),
  );
  const { output, written } = openOutput(true);
  const lines = ["first", "x".repeat(40_000)];
  for (const one of lines) output.write(one);
  vi.advanceTimersByTime(60_000);
  output.write("last");
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  expect(held).toHaveLength(1);
  vi.useRealTimers();
  held.pop()?.();
  await expect.poll(written).toBe(ended([...lines, "last"]));
});
