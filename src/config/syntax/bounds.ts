/**
 * How long and how deep a configuration may be. A text of TOML is held to it before it is parsed: the parser calls itself for each bracket,
 * and makes each character of a string an argument of one call, so that the stack would be the limit.
 */

/** Of a file: longer lists are files of their own. */
export const maxOctets = 16 * 1024 * 1024;

/** Brackets in brackets, and parts of one key. */
export const maxDepth = 64;
export const tooDeep = `nested too deeply: ${maxDepth} levels is the limit. Close the brackets that are open.`;

/** Characters of a string, a number or a part of a key. */
const maxToken = 100_000;

interface BeyondBounds {
  readonly offset: number;
  readonly message: string;
}

/** The first place where a text of TOML goes beyond the bounds. */
export function findBeyondBounds(source: string): BeyondBounds | undefined {
  let depth = 0;
  let parts = 1;
  for (let at = 0, end = 0; at < source.length; at = end) {
    end = endOfToken(source, at);
    switch (source[at]) {
      case "#":
        continue;
      case "[":
      case "{":
        depth += 1;
        parts = 1;
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
      case ".":
        parts += 1;
        break;
      case "=":
      case ",":
      case "\n":
        parts = 1;
    }
    if (end - at > maxToken)
      return { offset: at, message: `a text of more than ${maxToken} characters. Put it into a file, and name that one here.` };
    if (depth > maxDepth) return { offset: at, message: tooDeep };
    if (parts > maxDepth) return { offset: at, message: `a key of more than ${maxDepth} parts. Look for stray dots.` };
  }
  return undefined;
}

const word = /[\w+:-]+/y;
const comment = /#[^\n]*/y;

function endOfToken(source: string, at: number): number {
  switch (source[at]) {
    case "#":
      return endOf(comment, source, at);
    case '"':
    case "'":
      return endOfString(source, at);
    default:
      return endOf(word, source, at);
  }
}

function endOf(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : at + 1;
}

function endOfString(source: string, start: number): number {
  const quote = source[start] ?? "";
  const isLong = source.startsWith(quote.repeat(3), start);
  const close = isLong ? quote.repeat(3) : quote;
  let at = start + close.length;
  while (at < source.length && !source.startsWith(close, at)) {
    if (!isLong && source[at] === "\n") return at;
    at += quote === '"' && source[at] === "\\" ? 2 : 1;
  }
  // Up to two quotes may be the last characters of a long string.
  const last = isLong && source.startsWith(quote, at + 3) ? (source.startsWith(quote, at + 4) ? 2 : 1) : 0;
  return Math.min(at + close.length + last, source.length);
}
