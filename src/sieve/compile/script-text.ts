/** Strings of a script: what is put in at load (RFC 5228 2.4.2.4) and, of variables, when they are read (RFC 5229 section 3). */
import { maxTextLength, toText } from "../../expr/value.ts";
import { costOf, ScriptFault, type ScriptRun, spend } from "../run/script-run.ts";
import type { ScriptContext, TextArgument } from "./definition.ts";
import type { Text } from "./script-code.ts";
import type { NameProblem, VariableReader } from "./script-variables.ts";

/** `${name}`, `${1}`, `${namespace.name}`, where items of the environment may have hyphens (RFC 5183); whatever else looks like it stays as it is. */
const reference = /\$\{(env(?:\.[\w-]+)+|[a-z_]\w*(?:\.\w+)*|\d+)\}/gi;

export function hasReference(written: string): boolean {
  return written.search(reference) >= 0;
}

/** Reports names that are unknown; the text then leaves them out. */
export function compileText(
  written: string,
  read: (name: string, within: number) => VariableReader | NameProblem,
  report: (within: number, message: string) => void,
): Text {
  const parts: (string | VariableReader)[] = [];
  let last = 0;
  for (const { 0: whole, 1: name = "", index } of written.matchAll(reference)) {
    if (index > last) parts.push(written.slice(last, index));
    last = index + whole.length;
    const reader = /^\d/.test(name) ? matchReader(Number(name)) : read(name, index);
    if (typeof reader === "function") parts.push(reader);
    else report(index, reader.problem);
  }
  if (last < written.length) parts.push(written.slice(last));
  if (parts.every((part) => typeof part === "string")) return constantText(parts.join(""));
  const [only] = parts;
  if (parts.length === 1 && typeof only === "function") return { constant: undefined, of: (run) => charged(run, toText(only(run))) };
  return { constant: undefined, of: (run) => charged(run, joined(run, parts)) };
}

export function constantText(text: string): Text {
  return { constant: text, of: () => text };
}

function matchReader(index: number): VariableReader {
  return (run) => run.matches[index] ?? "";
}

function joined(run: ScriptRun, parts: readonly (string | VariableReader)[]): string {
  let text = "";
  for (const part of parts) {
    text += typeof part === "string" ? part : toText(part(run));
    if (text.length > maxTextLength) return text.slice(0, maxTextLength);
  }
  return text;
}

function charged(run: ScriptRun, text: string): string {
  spend(run, costOf(text.length));
  return text;
}

/**
 * What `read` makes of a string: once where the string is known at load, otherwise whenever it runs. Where it makes nothing of it,
 * `problem` is an error at load, after which this is `undefined`, or a `ScriptFault`.
 */
export function meaningOf<T>(
  { constant, of, offset }: TextArgument,
  context: ScriptContext,
  read: (written: string) => T | undefined,
  problem: (written: string) => string,
): ((run: ScriptRun) => T) | undefined {
  if (constant === undefined) {
    return (run) => {
      const written = of(run);
      const meaning = read(written);
      if (meaning === undefined) throw new ScriptFault(problem(written));
      return meaning;
    };
  }
  const meaning = read(constant);
  if (meaning !== undefined) return () => meaning;
  context.error(offset, problem(constant));
  return undefined;
}

/** Neighbours are one sequence of octets. */
const encoded =
  /(?:\$\{hex:[ \t\r\n]*[\dA-F]{1,2}(?:[ \t\r\n]+[\dA-F]{1,2})*[ \t\r\n]*\})+|\$\{unicode:[ \t\r\n]*[\dA-F]+(?:[ \t\r\n]+[\dA-F]+)*[ \t\r\n]*\}/gi;

export function hasEncodedCharacter(written: string): boolean {
  return written.search(encoded) >= 0;
}

/** `${hex:40}` and `${unicode:40}` to what they stand for; octets are read as UTF-8. */
export function decodeCharacters(written: string, report: (within: number, message: string) => void): string {
  return written.replace(encoded, (whole: string, within: number) =>
    /^\$\{h/i.test(whole) ? octets(whole) : characters(whole, (message) => report(within, message)),
  );
}

function octets(sequence: string): string {
  const codes = sequence.replace(/\$\{hex:/gi, " ").match(/[\dA-F]+/gi) ?? [];
  return Buffer.from(codes.map((code) => Number.parseInt(code, 16))).toString("utf8");
}

function characters(sequence: string, report: (message: string) => void): string {
  const codes = sequence.slice("${unicode:".length).match(/[\dA-F]+/gi) ?? [];
  return codes.map((code) => character(code, report)).join("");
}

function character(code: string, report: (message: string) => void): string {
  const point = Number.parseInt(code, 16);
  if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) return String.fromCodePoint(point);
  report(`U+${code.toUpperCase().slice(-8)} is not a character. Characters are 0 to D7FF and E000 to 10FFFF.`);
  return "";
}
