/** The parts of a moment in a time zone (RFC 5260 section 4.2). */
import { dayMs } from "../../text/duration.ts";

/** Both in milliseconds: the moment since the epoch, and how far the zone is ahead of UTC. */
type DatePart = (moment: number, ahead: number) => string;

const minuteMs = 60_000;

export const dateParts: ReadonlyMap<string, DatePart> = new Map<string, DatePart>([
  ["year", (moment, ahead) => iso(moment, ahead).slice(0, 4)],
  ["month", (moment, ahead) => iso(moment, ahead).slice(5, 7)],
  ["day", (moment, ahead) => iso(moment, ahead).slice(8, 10)],
  ["date", (moment, ahead) => iso(moment, ahead).slice(0, 10)],
  ["julian", (moment, ahead) => String(Math.floor((moment + ahead) / dayMs) + modifiedJulianDayOfEpoch)],
  ["hour", (moment, ahead) => iso(moment, ahead).slice(11, 13)],
  ["minute", (moment, ahead) => iso(moment, ahead).slice(14, 16)],
  ["second", (moment, ahead) => iso(moment, ahead).slice(17, 19)],
  ["time", (moment, ahead) => iso(moment, ahead).slice(11, 19)],
  ["iso8601", iso8601],
  ["std11", std11],
  ["zone", (_moment, ahead) => zone(ahead, "")],
  ["weekday", (moment, ahead) => String(new Date(moment + ahead).getUTCDay())],
]);

/** `+hhmm` or `-hhmm`, to milliseconds ahead of UTC. `undefined`: it is neither. */
export function parseZone(text: string): number | undefined {
  const [, sign, hours, minutes] = /^([+-])(\d\d)([0-5]\d)$/.exec(text) ?? [];
  if (sign === undefined || Number(hours) > 23) return undefined;
  const ahead = (Number(hours) * 60 + Number(minutes)) * minuteMs;
  return sign === "-" ? -ahead : ahead;
}

const modifiedJulianDayOfEpoch = 40_587;

/** The moment is one that a date can have. */
function iso(moment: number, ahead: number): string {
  return new Date(moment + ahead).toISOString();
}

/** RFC 3339, which writes UTC as `Z`. */
export function iso8601(moment: number, ahead: number): string {
  return `${iso(moment, ahead).slice(0, 19)}${ahead === 0 ? "Z" : zone(ahead, ":")}`;
}

function zone(ahead: number, separator: string): string {
  const minutes = Math.abs(ahead) / minuteMs;
  return `${ahead < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${separator}${two(minutes % 60)}`;
}

/** As in the Date header of a message (RFC 5322 3.3). */
function std11(moment: number, ahead: number): string {
  // Sun, 06 Nov 1994 08:49:37 GMT
  const utc = new Date(moment + ahead).toUTCString();
  return `${utc.slice(0, -"GMT".length)}${zone(ahead, "")}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
