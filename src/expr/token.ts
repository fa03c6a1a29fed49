/** The words of an expression: numbers, durations, texts, names, captures and operators, each with its place. */

import { ipVersion } from "../mail/ip.ts";
import { parseDuration } from "../text/duration.ts";
import { shorten } from "../text/shorten.ts";
import { ExpressionError } from "./expression.ts";

export type BinaryOperator = "*" | "/" | "+" | "-" | ">" | ">=" | "<" | "<=" | "==" | "!=" | "^" | "&&" | "||";

type Content =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "capture"; readonly index: number }
  | { readonly kind: "name" }
  /** `-` may turn out to be unary. */
  | { readonly kind: "operator"; readonly operator: BinaryOperator | "!" }
  | { readonly kind: "punctuation"; readonly mark: "(" | ")" | "[" | "]" | "," }
  | { readonly kind: "end" };

export type Token = Content & {
  readonly offset: number;
  /** As written. */
  readonly source: string;
};

const spellings: Readonly<Record<string, BinaryOperator | "!">> = {
  "!": "!",
  "!=": "!=",
  "*": "*",
  "/": "/",
  "+": "+",
  "-": "-",
  ">": ">",
  ">=": ">=",
  "=>": ">=",
  "<": "<",
  "<=": "<=",
  "=<": "<=",
  "=": "==",
  "==": "==",
  "^": "^",
  "&": "&&",
  "&&": "&&",
  "|": "||",
  "||": "||",
};

const space = /[ \t\r\n]*/y;
const word = /[A-Za-z0-9_$.]+/y;
const operator = /!=|>=|=>|<=|=<|==|&&|\|\||[!*/+\-><=^&|]/y;
const mark = /[()[\],]/y;
const lineControls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** The last token is always the end. Throws an `ExpressionError`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(source)?.[0];
  };
  for (;;) {
    offset += take(space)?.length ?? 0;
    const token = offset === source.length ? ({ kind: "end", offset, source: "" } as const) : next(source, offset, take);
    tokens.push(token);
    if (token.kind === "end") return tokens;
    offset += token.source.length;
  }
}

function next(source: string, offset: number, take: (pattern: RegExp) => string | undefined): Token {
  const quote = source[offset];
  if (quote === "'" || quote === '"') return text(source, offset, quote);
  const name = take(word);
  if (name !== undefined) return { ...classify(name, offset), offset, source: name };
  const spelling = take(operator);
  const sign = spelling === undefined ? undefined : spellings[spelling];
  if (spelling !== undefined && sign !== undefined) return { kind: "operator", operator: sign, offset, source: spelling };
  const punctuation = take(mark);
  // biome-ignore format: the pattern has these five and no others
  if (punctuation === "(" || punctuation === ")" || punctuation === "[" || punctuation === "]" || punctuation === ",") {
    return { kind: "punctuation", mark: punctuation, offset, source: punctuation };
  }
  throw new ExpressionError(strayCharacter(source, offset), offset);
}

/** The backslash stays in the value, so that a pattern reads as it is written; after it no quote ends the text. */
function text(source: string, offset: number, quote: string): Token {
  let value = "";
  let escaped = false;
  for (let at = offset + 1; at < source.length; at++) {
    const character = source.charAt(at);
    if (character === quote && !escaped) return { kind: "text", value, offset, source: source.slice(offset, at + 1) };
    value += escaped ? (lineControls[character] ?? character) : character;
    // Of two backslashes the second escapes what follows, too.
    escaped = character === "\\";
  }
  throw new ExpressionError(unclosedText(source, quote), offset);
}

function classify(name: string, offset: number): Content {
  if (name === "true" || name === "false") return { kind: "number", value: name === "true" ? 1 : 0 };
  if (name.startsWith("$")) return capture(name, offset);
  if (/[0-9]/.test(name) && !/[A-Za-z_$]/.test(name)) return number(name, offset);
  if (!/^[0-9]/.test(name)) return { kind: "name" };
  const value = parseDuration(name);
  if (value !== undefined) return { kind: "number", value };
  if (/^\d+(?:ms|[dhms])$/i.test(name)) throw tooLarge(name, offset);
  const mend = "A duration is digits and one unit of d, h, m, s and ms, such as 90m; text needs quotes.";
  throw new ExpressionError(`"${shorten(name)}" is neither a number nor a duration. ${mend}`, offset);
}

function capture(name: string, offset: number): Content {
  if (!/^\$[0-9]+$/.test(name)) {
    throw new ExpressionError(
      `"${shorten(name)}" is not a capture. matches(…) sets $0 to the whole match and $1, $2 and so on to its groups.`,
      offset,
    );
  }
  return { kind: "capture", index: Number(name.slice(1)) };
}

function number(name: string, offset: number): Content {
  if (ipVersion(name) === 4) throw new ExpressionError(`${name} is not a number. Write an IP address in quotes: '${name}'.`, offset);
  if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(name)) {
    throw new ExpressionError(`"${shorten(name)}" is not a number. Text needs quotes: '${shorten(name)}'.`, offset);
  }
  const value = Number(name);
  if (value > Number.MAX_SAFE_INTEGER) throw tooLarge(name, offset);
  return { kind: "number", value };
}

function tooLarge(name: string, offset: number): ExpressionError {
  return new ExpressionError(`the number ${shorten(name)} is too large. The largest is ${Number.MAX_SAFE_INTEGER}.`, offset);
}

function strayCharacter(source: string, offset: number): string {
  const character = String.fromCodePoint(source.codePointAt(offset) ?? 0);
  if (character === ":") return 'unexpected ":". Write text such as an IPv6 address in quotes.';
  if (character === "}" || character === "{") return `unexpected "${character}": braces have no meaning in an expression. Remove it.`;
  if (character === "~") return `unexpected "~". Compare with a pattern by matches('pattern', value).`;
  if (character === "?") return 'unexpected "?". Choose by if_then(condition, value, other).';
  if (/[‘’‚“”„`´]/u.test(character)) return `unexpected ${character}. Use straight quotes: ' or ".`;
  const shown = /[\p{C}\p{Z}]/u.test(character)
    ? `U+${(source.codePointAt(offset) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`
    : `"${character}"`;
  return `unexpected ${shown}. Text needs quotes.`;
}

function unclosedText(source: string, quote: string): string {
  // One before it may have opened a text where another was meant to close.
  const why = source.includes(`\\${quote}`) ? " (a quote after a backslash closes nothing)" : "";
  return `unterminated text: the quote ${quote} is never closed${why}. Close it, or remove the stray quote.`;
}
