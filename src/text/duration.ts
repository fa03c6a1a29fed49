/** Durations in milliseconds. */

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

const unitMs: Readonly<Record<string, number>> = { d: dayMs, h: hourMs, m: 60_000, s: 1000, ms: 1 };

/** As they are written, digits and a unit such as `30s`; without one they are milliseconds. `undefined`: none, or longer than a number can count. */
export function parseDuration(text: string): number | undefined {
  const [, digits = "", unit = "ms"] = /^(\d+)(ms|[dhms])?$/i.exec(text) ?? [];
  if (digits === "") return undefined;
  const ms = Number(digits) * (unitMs[unit.toLowerCase()] ?? 1);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
