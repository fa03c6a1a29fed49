/** Values of the expression language and their coercions. There is one number type, no boolean and no null. */

/** A named value such as `mixer`: true, and equal to nothing; settings know it by its name. */
export interface NamedConstant {
  readonly constant: string;
}

export type Value = string | number | NamedConstant | readonly Value[];

/** Longer texts are cut: an expression that doubles what a client sent again and again must not exhaust the memory. */
export const maxTextLength = 1 << 20;
/** Longer arrays are cut, for the same reason. */
export const maxElements = 1 << 16;

export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** True is 1, false is 0. */
export function flag(truth: boolean): number {
  return truth ? 1 : 0;
}

/** `'0'` and `'false'` are true: only the empty text is not. */
export function isTrue(value: Value): boolean {
  if (typeof value === "number") return value !== 0;
  return typeof value === "string" || isArray(value) ? value.length > 0 : true;
}

/** The elements of an array are joined by CRLF, without the arrays among them. */
export function toText(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return numberText(value);
  if (!isArray(value)) return value.constant;
  let text = "";
  let separator = "";
  for (const element of value) {
    if (isArray(element)) continue;
    text += separator + toText(element);
    if (text.length > maxTextLength) return cutText(text);
    separator = "\r\n";
  }
  return text;
}

export function cutText(text: string): string {
  return text.length > maxTextLength ? text.slice(0, maxTextLength) : text;
}

/** A text that is not a number is 0; so is a constant. An empty array is 1 and any other is 0: strange, but a rule of the language. */
export function toNumber(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "string") return parseNumber(value) ?? 0;
  return isArray(value) ? flag(value.length === 0) : 0;
}

/** `undefined`: not a number as a whole. */
export function parseNumber(text: string): number | undefined {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? clamp(Number(text)) : undefined;
}

/** Beyond ±(2^53-1) whole numbers are no longer exact, so all numbers stay within. There is no negative zero. */
export function clamp(number: number): number {
  return Math.min(Math.max(number, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER) + 0;
}

/** The empty text is the empty array, any other single value an array of one. */
export function toArray(value: Value): readonly Value[] {
  if (isArray(value)) return value;
  return value === "" ? [] : [value];
}

/** `==`: a text is compared with a number as a number. */
export function isEqual(a: Value, b: Value): boolean {
  if (typeof a === "number") return (typeof b === "number" || typeof b === "string") && a === toNumber(b);
  if (typeof a === "string") return typeof b === "string" ? a === b : typeof b === "number" && toNumber(a) === b;
  if (!isArray(a) || !isArray(b)) return false;
  return a.length === b.length && a.every((element, index) => isEqual(element, b[index] ?? ""));
}

/** Negative, zero or positive; `NaN` where there is no order. Arrays come after texts, both after all else. */
export function compare(a: Value, b: Value): number {
  if (isArray(a)) return isArray(b) ? compareArrays(a, b) : 1;
  if (isArray(b)) return -1;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (typeof a === "object" || typeof b === "object") return typeof a === "string" ? 1 : typeof b === "string" ? -1 : Number.NaN;
  return toNumber(a) - toNumber(b);
}

function compareArrays(a: readonly Value[], b: readonly Value[]): number {
  for (const [index, element] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compare(element, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** By bytes of UTF-8, which is the order of code points. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let index = 0;
  while (index < length && a.charCodeAt(index) === b.charCodeAt(index)) index++;
  return index === length ? a.length - b.length : rank(a.charCodeAt(index)) - rank(b.charCodeAt(index));
}

/** In UTF-16 surrogates come before U+E000 to U+FFFF, and the code points that they encode after. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** No exponent; the range of numbers leaves only negative ones to write out. */
function numberText(number: number): string {
  const [mantissa = "", zeros] = String(Math.abs(number)).split("e-");
  const digits = zeros === undefined ? mantissa : `0.${"0".repeat(Number(zeros) - 1)}${mantissa.replace(".", "")}`;
  return number < 0 ? `-${digits}` : digits;
}
