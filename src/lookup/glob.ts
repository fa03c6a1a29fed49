/** Globs of lists: `*` is any run of characters, dots included, `?` one character, `\x` the character x. */

const star = -1;
const any = -2;

export interface Glob {
  /** Code points, `star` and `any`. */
  readonly tokens: readonly number[];
  /** What every match begins with and ends with. */
  readonly prefix: string;
  readonly suffix: string;
}

/** A string: the pattern has no wildcard, so this is its only match; all its backslashes are gone, also one that is escaped. */
export function parseGlob(pattern: string): Glob | string {
  const tokens: number[] = [];
  let isEscaped = false;
  for (const char of pattern) {
    if (isEscaped || !["*", "?", "\\"].includes(char)) tokens.push(char.codePointAt(0) ?? 0);
    else if (char === "*" && tokens.at(-1) !== star) tokens.push(star);
    else if (char === "?") tokens.push(any);
    isEscaped = char === "\\" && !isEscaped;
  }
  const first = tokens.findIndex((token) => token < 0);
  if (first < 0) return pattern.replaceAll("\\", "");
  const last = tokens.findLastIndex((token) => token < 0);
  return { tokens, prefix: textOf(tokens.slice(0, first)), suffix: textOf(tokens.slice(last + 1)) };
}

function textOf(tokens: readonly number[]): string {
  return tokens.map((token) => String.fromCodePoint(token)).join("");
}

/** The whole text must match. Only the last `*` is ever tried again, so the time is at most text × pattern. */
export function matchGlob({ tokens }: Glob, text: readonly number[]): boolean {
  let token = 0;
  let at = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === star) {
      starToken = token++;
      starAt = at;
    } else if (wanted === any || wanted === text[at]) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (tokens[token] === star) token++;
  return token === tokens.length;
}

export function codePointsOf(text: string): readonly number[] {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0);
}
