/** Durations as they are written: digits and one unit, `30s`. */

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** In milliseconds, which is also the unit if none is given. `undefined`: not a duration, or longer than a number can count. */
export function parseDuration(text: string): number | undefined {
  const [, digits = "", unit = "ms"] = /^(\d+)(ms|[dhms])?$/i.exec(text) ?? [];
  if (digits === "") return undefined;
  const ms = Number(digits) * (unitMs[unit.toLowerCase()] ?? 1);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
