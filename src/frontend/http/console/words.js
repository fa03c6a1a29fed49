/** Times, spans and numbers as people read them, in their own time zone. */

const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const earlier = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const counts = new Intl.NumberFormat();

/** @param {string} time */
export function clock(time) {
  const date = new Date(time);
  return (date.toDateString() === new Date().toDateString() ? today : earlier).format(date);
}

/** @param {number} count */
export function number(count) {
  return counts.format(count);
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

const units = /** @type {const} */ ([
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
]);

/**
 * Such as `5 min`.
 * @param {number} seconds
 */
export function span(seconds) {
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${number(Math.round(seconds / size))} ${unit}`;
}

/**
 * Such as `5 min ago`.
 * @param {string} time
 */
export function since(time) {
  return `${span(Math.max(0, (Date.now() - Date.parse(time)) / 1000))} ago`;
}

/** @param {number} seconds */
export function latency(seconds) {
  return seconds < 1 ? `${(seconds * 1000).toPrecision(seconds < 0.1 ? 2 : 3)} ms` : `${seconds.toFixed(1)} s`;
}
