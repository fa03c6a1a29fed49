/** Characters that are not text but orders: to a terminal, to whoever splits lines, to a display. */

/** Control characters (ISO 6429), and line and paragraph separators. */
const controls = "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029";
/** With them a line reads differently from what it says (UAX #9, directional formatting characters). */
const directional = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";

/** What most texts have none of, and a test for a single range is faster. */
const rare = /[^ -~]/;
const control = new RegExp(`[${controls}]`);
const unfit = new RegExp(`[${controls}${directional}]`, "g");
const unfitRuns = new RegExp(`[${controls}${directional}]+`, "g");

/** No address, name or key has control characters, and no line of a protocol may have them. */
export function hasControls(text: string): boolean {
  return control.test(text);
}

/** One line for people to read: control and directional characters become spaces. */
export function cleanText(text: string): string {
  return rare.test(text) ? text.replace(unfitRuns, " ") : text;
}

/** The same text, with control and directional characters written as JSON may: `\u202e`. */
export function escapeControls(text: string): string {
  if (!rare.test(text)) return text;
  return text.replace(unfit, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
