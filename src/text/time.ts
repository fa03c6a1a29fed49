/** A moment in UTC, to the second, as RFC 3339 has it. `ms`: since 1970. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
