/** The words of a script (RFC 5228 section 8.1), each with its place. */
import { shorten } from "../../text/shorten.ts";
import type { Limits } from "../limits.ts";
import { LineQuotes } from "./line-quotes.ts";
import { quotedText, quotedTextOrOpen, textWithoutOpening } from "./quoted-text.ts";

export type Mark = "[" | "]" | "(" | ")" | "{" | "}" | "," | ";";

export type ScriptToken =
  /** `name` in lower case. */
  (
    | { readonly kind: "identifier"; readonly name: string }
    | { readonly kind: "tag"; readonly name: string }
    | { readonly kind: "number"; readonly value: number }
    | { readonly kind: "text"; readonly value: string }
    | { readonly kind: "mark"; readonly mark: Mark }
    /** `isCut`: what comes before it never ended, which was reported. */
    | { readonly kind: "end"; readonly isCut: boolean }
  ) & {
    readonly offset: number;
    /** After its last character. */
    readonly end: number;
    /** Something between it and the one before was not a word, which was reported. */
    readonly isAfterStray?: true;
  };

export type ReportProblem = (offset: number, message: string) => void;

const space = /[ \t\r\n]+/y;
const hashComment = /#[^\n]*/y;
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const tag = /:[A-Za-z_][A-Za-z0-9_]*/y;
const number = /\d[\dA-Za-z_]*/y;
const blockStart = /text:[ \t]*(?:#[^\n]*)?\r?\n/iy;
/** The text must begin on the next line. */
const spoiledBlockStart = /text:[ \t]+(?=[^#\s])/iy;
const marks: ReadonlySet<string> = new Set("[](){},;");
const endsCommand: ReadonlySet<Mark> = new Set([";", "{", "}"]);
/** With the text between them, so that what comes after it is read as it was meant. */
const wrongQuotes = /[‘’‚“”„`´'][^‘’‚“”„`´'"\n;{}]*[‘’“”`´']/y;
/** A comment as other languages write it, but not the address of a web page. */
const wrongComment = /(?<!:)(?:\/\/|--)[^\n]*/y;
const stray = /[^\s\w"#:;,[\](){}/]+|./suy;

const units: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** The last token is always the end. What is not a word is reported and left out. */
export function tokenize(source: string, limits: Limits, report: ReportProblem): ScriptToken[] {
  const problems: Parameters<ReportProblem>[] = [];
  const tokens = read(source, limits, (...problem) => problems.push(problem), false);
  if (tokens === "quote-missing") return read(source, limits, report, true);
  for (const problem of problems) report(...problem);
  return tokens;
}

function read(source: string, limits: Limits, report: ReportProblem, lacksQuote: true): ScriptToken[];
function read(source: string, limits: Limits, report: ReportProblem, lacksQuote: false): ScriptToken[] | "quote-missing";
function read(source: string, limits: Limits, report: ReportProblem, lacksQuote: boolean): ScriptToken[] | "quote-missing" {
  const tokens: ScriptToken[] = [];
  const lines = new LineQuotes(source);
  // Editors of Windows begin a file with a byte order mark.
  let offset = source.startsWith("\ufeff") ? 1 : 0;
  let isAfterStray = false;
  let isReported = false;
  // What follows in the same command has the same cause.
  const reportStray = (at: number, message: string): void => {
    if (!isReported) report(at, message);
    isReported = true;
  };
  for (;;) {
    offset = afterSpace(source, offset, report);
    if (offset < 0) return [...tokens, { kind: "end", isCut: true, offset: source.length, end: source.length }];
    if (offset >= source.length) {
      const isCut = lacksQuote && tokens.at(-1)?.isAfterStray === true;
      return [...tokens, { kind: "end", isCut, offset, end: offset }];
    }
    const token = next(source, offset, lines, report, reportStray, lacksQuote);
    if (token === "quote-missing") return token;
    if (token === "unterminated") return [...tokens, { kind: "end", isCut: true, offset: source.length, end: source.length }];
    if (typeof token === "number") {
      offset = token;
      isAfterStray = true;
      continue;
    }
    if (token.kind === "text" && isLonger(source, offset, token.end, limits.stringSize)) {
      report(offset, `this string is longer than sieve.trusted.limits.string-size allows (${limits.stringSize} octets).`);
    }
    tokens.push(isAfterStray ? { ...token, isAfterStray } : token);
    isAfterStray = false;
    if (token.kind === "mark" && endsCommand.has(token.mark)) isReported = false;
    offset = token.end;
  }
}

/** After spaces and comments; negative if a comment never ends. */
function afterSpace(source: string, from: number, report: ReportProblem): number {
  let offset = from;
  for (;;) {
    const skipped = endOf(space, source, offset) ?? endOf(hashComment, source, offset);
    if (skipped !== undefined) {
      offset = skipped;
      continue;
    }
    if (!source.startsWith("/*", offset)) return offset;
    const end = source.indexOf("*/", offset + 2);
    if (end < 0) {
      report(offset, 'this comment never ends. Close it with "*/".');
      return -1;
    }
    offset = end + 2;
  }
}

/** A token, or the offset after what is not one. */
function next(
  source: string,
  offset: number,
  lines: LineQuotes,
  report: ReportProblem,
  reportStray: ReportProblem,
  lacksQuote: boolean,
): ScriptToken | number | "unterminated" | "quote-missing" {
  const character = source.charAt(offset);
  if (isMark(character)) return { kind: "mark", mark: character, offset, end: offset + 1 };
  if (character === '"') {
    return lacksQuote ? quotedTextOrOpen(source, offset, lines, report) : (quotedText(source, offset, lines) ?? "quote-missing");
  }
  const body = endOf(blockStart, source, offset);
  if (body !== undefined) return textBlock(source, offset, body, report);
  const after = endOf(spoiledBlockStart, source, offset);
  if (after !== undefined) {
    report(offset + "text".length, 'unexpected text after "text:". The text begins on the next line.');
    const line = source.indexOf("\n", after);
    return line < 0 ? "unterminated" : textBlock(source, offset, line + 1, () => {});
  }
  const end = endOf(identifier, source, offset);
  if (end !== undefined) {
    const text = lacksQuote ? textWithoutOpening(source, offset, end, report) : undefined;
    return text ?? { kind: "identifier", name: source.slice(offset, end).toLowerCase(), offset, end };
  }
  const tagEnd = endOf(tag, source, offset);
  if (tagEnd !== undefined) return { kind: "tag", name: source.slice(offset + 1, tagEnd).toLowerCase(), offset, end: tagEnd };
  const numberEnd = endOf(number, source, offset);
  if (numberEnd !== undefined) {
    return { kind: "number", value: numberOf(source.slice(offset, numberEnd), offset, report), offset, end: numberEnd };
  }
  const quotesEnd = endOf(wrongQuotes, source, offset);
  if (quotesEnd !== undefined) {
    report(offset, unexpectedQuote);
    return quotesEnd;
  }
  const commentEnd = endOf(wrongComment, source, offset);
  if (commentEnd !== undefined) {
    report(offset, unexpectedComment(source.slice(offset, offset + 2)));
    return commentEnd;
  }
  const strayEnd = endOf(stray, source, offset) ?? offset + 1;
  reportStray(offset, strayText(source.slice(offset, strayEnd), source.slice(Math.max(0, offset - 4), offset), source.charAt(strayEnd)));
  return strayEnd;
}

function isMark(character: string): character is Mark {
  return marks.has(character);
}

/** Up to a line that is a dot alone; a dot at the beginning of a line was doubled (RFC 5228 2.4.2). */
function textBlock(source: string, offset: number, body: number, report: ReportProblem): ScriptToken | "unterminated" {
  const last = /(?<=\n)\.\r?(?:\n|$)/g;
  last.lastIndex = body;
  const found = last.exec(source);
  if (!found) {
    report(offset, 'this text block never ends. Close it with a line that holds only ".".');
    return "unterminated";
  }
  return {
    kind: "text",
    value: source.slice(body, found.index).replace(/(?<=^|\n)\.\./g, "."),
    offset,
    end: found.index + ".".length,
  };
}

/** 0 if it is not a number. */
function numberOf(written: string, offset: number, report: ReportProblem): number {
  const match = /^(\d+)([KMG]?)$/i.exec(written);
  if (!match) {
    report(offset, `"${shorten(written)}" is not a number. A number is digits and at most one unit of K, M and G.`);
    return 0;
  }
  const value = Number(match[1]) * (units[match[2]?.toUpperCase() ?? ""] ?? 1);
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  report(offset, `the number ${shorten(written)} is too large. The largest is ${Number.MAX_SAFE_INTEGER}.`);
  return 0;
}

const unexpectedQuote = 'unexpected quote. Write strings in straight double quotes: "…".';

function unexpectedComment(written: string): string {
  return `unexpected "${written}". A comment is # to the end of the line, or /* to */.`;
}

function strayText(written: string, before: string, after: string): string {
  if (/^[-+.]$/.test(written) && /\d/.test(after) && (written !== "." || /\d$/.test(before))) {
    return `unexpected "${written}". A number is whole, and has no sign.`;
  }
  if (/^[‘’‚“”„`´']/u.test(written)) return unexpectedQuote;
  if (written === ":") return 'unexpected ":". A tag is a colon and its name without a space, such as :is.';
  if (written === "/") return unexpectedComment(written);
  if (/^[-=<>!|&+*^]+$/.test(written)) {
    return `unexpected "${shorten(written)}". There are no operators: compare by a test such as string or size, assign by set, or write eval "…".`;
  }
  return `unexpected ${shown(written)}. Text needs double quotes.`;
}

function shown(written: string): string {
  const code = written.codePointAt(0) ?? 0;
  return /^[\p{C}\p{Z}]/u.test(written) ? `U+${code.toString(16).toUpperCase().padStart(4, "0")}` : `"${shorten(written)}"`;
}

function isLonger(source: string, start: number, end: number, octets: number): boolean {
  return (end - start) * 3 > octets && Buffer.byteLength(source.slice(start, end)) > octets;
}

/** A sticky pattern at an offset. */
function endOf(pattern: RegExp, source: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(source) ? pattern.lastIndex : undefined;
}
