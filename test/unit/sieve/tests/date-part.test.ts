import { expect, test } from "vitest";
import { dateParts, parseZone } from "../../../../src/sieve/tests/date-part.ts";

const leapDay = Date.UTC(2024, 1, 29, 23, 30, 5, 999);
const newYear = Date.UTC(2000, 0, 1, 0, 0, 0);

test.each<[part: string, moment: number, zone: string, expected: string]>([
  ["year", newYear, "-0001", "1999"],
  ["month", leapDay, "+0200", "03"],
  ["day", leapDay, "+0200", "01"],
  ["date", leapDay, "+0000", "2024-02-29"],
  ["date", leapDay, "+0200", "2024-03-01"],
  ["julian", 0, "+0000", "40587"],
  ["julian", 0, "-0100", "40586"],
  ["julian", leapDay, "+0200", "60370"],
  ["hour", leapDay, "+0200", "01"],
  ["minute", leapDay, "+0545", "15"],
  ["second", leapDay, "+0000", "05"],
  ["time", leapDay, "-1130", "12:00:05"],
  ["iso8601", leapDay, "+0000", "2024-02-29T23:30:05Z"],
  ["iso8601", leapDay, "-0330", "2024-02-29T20:00:05-03:30"],
  ["std11", leapDay, "+0200", "Fri, 01 Mar 2024 01:30:05 +0200"],
  ["zone", leapDay, "-0030", "-0030"],
  ["zone", leapDay, "+0000", "+0000"],
  ["weekday", leapDay, "+0000", "4"],
  ["weekday", leapDay, "+0200", "5"],
  ["weekday", Date.UTC(2024, 2, 3), "+0000", "0"],
])("%s of %i at %s is %s", (part, moment, zone, expected) => {
  expect(dateParts.get(part)?.(moment, parseZone(zone) ?? Number.NaN)).toBe(expected);
});

test.each(["", "0200", "+200", "+02:00", "+2400", "+0060", "Z", "+0200 ", "CET"])("%j is not a time zone", (text) => {
  expect(parseZone(text)).toBeUndefined();
});
