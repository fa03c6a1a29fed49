import { describe, expect, it } from "vitest";
import { Availability, reportOutages } from "../../../src/answer/availability.ts";

/** Reports as `down CAUSE` and `up`, with the second in which they came. */
function openTest() {
  let second = 0;
  const reports: string[] = [];
  const pending = new Set<{ readonly at: number; readonly call: () => void }>();
  const onAvailability = reportOutages(
    (name, up, cause) => reports.push(`${second} ${name} ${up ? "up" : `down ${cause}`}`),
    (call, ms) => {
      const one = { at: second + ms / 1000, call };
      pending.add(one);
      return () => pending.delete(one);
    },
  );
  const pass = () => {
    second += 1;
    for (const one of pending) {
      if (one.at > second) continue;
      pending.delete(one);
      one.call();
    }
  };
  return { reports, pending, onAvailability, pass };
}

/** A character a second: `x`, `y` and `z` fail by different causes, `o` works, `*` fails and works, `.` is not asked. */
const outages: readonly (readonly [outage: string, reports: readonly string[]])[] = [
  ["oooo............", []],
  ["xxx", ["0 db down x"]],
  ["xxxo...........", ["0 db down x", "13 db up"]],
  ["xo.............", ["0 db down x", "11 db up"]],
  ["xoooooooooooooo", ["0 db down x", "11 db up"]],
  // Slow: most fail, some work.
  ["xxoxxxoxxxxoxxo..........", ["0 db down x", "24 db up"]],
  // Flapping, with less than ten seconds in between.
  ["xo.......xo.......xo..........", ["0 db down x", "29 db up"]],
  ["**********..........", ["0 db down x", "19 db up"]],
  // The second is an outage of its own.
  ["xo..........xo..........", ["0 db down x", "11 db up", "12 db down x", "23 db up"]],
  ["xo........x...................", ["0 db down x"]],
  // What goes down or comes up fails in several ways; what it fails by in the end is reported.
  ["xyx", ["0 db down x"]],
  [`x${"y".repeat(70)}`, ["0 db down x", "60 db down y"]],
  [`xy${".".repeat(70)}`, ["0 db down x", "60 db down y"]],
  [`xyz${".".repeat(70)}`, ["0 db down x", "60 db down z"]],
  [`${"x".repeat(70)}y.z${".".repeat(70)}`, ["0 db down x", "70 db down y", "130 db down z"]],
  // Each once, however often they take turns.
  ["xy".repeat(100), ["0 db down x", "60 db down y"]],
  [`${"x".repeat(70)}oy${".".repeat(70)}o..........`, ["0 db down x", "71 db down y", "152 db up"]],
  // It works meanwhile, and the outage is over.
  [`${".".repeat(5)}xyo...........`, ["5 db down x", "17 db up"]],
  [`xy${"o.......x".repeat(10)}`, ["0 db down x"]],
];

describe("an outage", () => {
  it.each(outages)("%s", (outage, expected) => {
    const { reports, pending, onAvailability, pass } = openTest();
    const source = new Availability("db", onAvailability);
    for (const what of outage) {
      if (what === "*") source.failed("", "x");
      if (/[xyz]/.test(what)) source.failed("", what);
      if (what === "o" || what === "*") source.worked("");
      expect(pending.size).toBeLessThanOrEqual(2);
      pass();
    }
    expect(reports).toEqual(expected);
  });

  it("of one source is not that of another", () => {
    const { reports, onAvailability, pass } = openTest();
    const [a, b] = [new Availability("a", onAvailability), new Availability("b", onAvailability)];
    a.failed("", "x");
    a.worked("");
    b.failed("", "y");
    for (let second = 0; second < 20; second++) pass();
    expect(reports).toEqual(["0 a down x", "0 b down y", "10 a up"]);
  });

  it("has so many causes, and an address or a number that changes makes none", () => {
    const { reports, onAvailability, pass } = openTest();
    const source = new Availability("db", onAvailability);
    for (const { index, word } of [..."abcdefghijkl"].map((word, index) => ({ index, word }))) {
      for (let second = 0; second < 70; second++) {
        source.failed("", new Error(`no ${word}${word} after ${second} ms`, { cause: new Error(`at 192.0.2.${second}:${index}`) }));
        pass();
      }
    }
    expect(reports).toHaveLength(8);
    source.worked("");
    for (let second = 0; second < 20; second++) pass();
    expect(reports.at(-1)).toMatch(/ up$/);
  });

  it("of one statement is reported beside that of another, but not beside that of all", () => {
    const { reports, onAvailability, pass } = openTest();
    const source = new Availability("db", onAvailability);
    source.failed("SELECT 1", "no table");
    source.failed("SELECT 2", "no column");
    source.failed("", "no server");
    source.failed("SELECT 3", "no right");
    source.worked("", "SELECT 1", "SELECT 2");
    for (let second = 0; second < 20; second++) pass();
    source.worked("SELECT 3");
    for (let second = 0; second < 20; second++) pass();
    expect(reports).toEqual(["0 db down no table", "0 db down no column", "0 db down no server", "30 db up"]);
  });
});
