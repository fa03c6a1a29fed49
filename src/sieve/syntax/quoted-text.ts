/** Strings in double quotes (RFC 5228 2.4.2), also where a quote is missing: the string that was left open is found, and the rest is read as it was meant. */
import type { ReportProblem } from "./lexer.ts";
import { type LineQuotes, quoteOrEscape } from "./line-quotes.ts";

interface QuotedText {
  readonly kind: "text";
  /** Escapes undone. */
  readonly value: string;
  readonly offset: number;
  readonly end: number;
  /** It was left open, and what comes next may have been a part of it, or is missing. */
  readonly isAfterStray?: true;
}

/** `undefined`: somewhere in the script a quote is missing. */
export function quotedText(source: string, offset: number, lines: LineQuotes): QuotedText | undefined {
  const close = closingQuote(source, offset + 1);
  if (close < 0) return undefined;
  const text = textUpTo(close, source, offset);
  return text.value.includes("\n") && opensText(source, close, lines) ? undefined : text;
}

/** In a script that misses a quote: a string that cannot end where the next quote is was left open. */
export function quotedTextOrOpen(source: string, offset: number, lines: LineQuotes, report: ReportProblem): QuotedText {
  const close = closingQuote(source, offset + 1);
  const isOnLine = close >= 0 && close < lines.endOfLine(offset);
  // On the last line of a string its quote is the odd one.
  if (close >= 0 && !opensText(source, close, lines) && (isOnLine || lines.quotesOnLine(close) % 2 === 1))
    return textUpTo(close, source, offset);
  report(offset, 'this string never ends. Close it with ", and write \\" for a quote within it.');
  let end = isOnLine ? close : endOfCommand(source, offset, close, lines);
  while (end > offset + 1 && /[\s,;()[\]{]/.test(source.charAt(end - 1))) end -= 1;
  return { kind: "text", value: source.slice(offset + 1, end), offset, end, ...((isOnLine || close < 0) && { isAfterStray: true }) };
}

/** A word that only ends in a quote. `undefined`: it does not. */
export function textWithoutOpening(source: string, offset: number, end: number, report: ReportProblem): QuotedText | undefined {
  if (source.charAt(end) !== '"') return undefined;
  report(offset, 'this string has no " before it. Write strings in double quotes: "…".');
  return { kind: "text", value: source.slice(offset, end), offset, end: end + 1 };
}

/** Not before `from`; -1: there is none. */
function closingQuote(source: string, from: number): number {
  quoteOrEscape.lastIndex = from;
  for (let found = quoteOrEscape.exec(source); found; found = quoteOrEscape.exec(source)) if (found[0] === '"') return found.index;
  return -1;
}

function textUpTo(close: number, source: string, offset: number): QuotedText {
  return { kind: "text", value: source.slice(offset + 1, close).replace(/\\(.)/gs, "$1"), offset, end: close + 1 };
}

/** No word follows a string without a space, and hardly a bracket or comment: the quote before it opens another string. */
function opensText(source: string, quote: number, lines: LineQuotes): boolean {
  const after = source.charAt(quote + 1);
  return /[^\s,;:()[\]{}#/"]/.test(after) || (/[:([#/"]/.test(after) && lines.quotesOnLine(quote) % 2 === 0);
}

/** The first mark at the end of a line that could end the command, before the line of the next quote; else the end of the line. */
function endOfCommand(source: string, offset: number, nextQuote: number, lines: LineQuotes): number {
  const limit = nextQuote < 0 ? source.length : source.lastIndexOf("\n", nextQuote);
  const within = source.slice(offset, limit).search(/[;{}][^\S\n]*(?:#[^\n]*)?(?:\n|$)/);
  return within < 0 ? lines.endOfLine(offset) : offset + within;
}
