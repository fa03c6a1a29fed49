/** Regular expressions of administrators on a linear-time engine, read as Rust's regex crate reads them where that is cheap. */
import type { RE2JS } from "re2js";
import { onDemand } from "./on-demand.ts";

const re2js = onDemand<typeof import("re2js")>("re2js");

export interface Pattern {
  /** Steps of the compiled program: the time for a text is at most its length times this. */
  readonly size: number;
  test(text: string): boolean;
  /** The whole match and then the groups, `''` for those that took no part. Empty when nothing matches. */
  captures(text: string): readonly string[];
}

/** The engine cannot compile it; the message is the engine's. */
export class PatternError extends Error {
  override name = "PatternError";
}

export function compilePattern(source: string): Pattern {
  const pattern = compileTranslated(source);
  return {
    size: pattern.programSize(),
    test: (text) => pattern.test(text),
    captures: (text) => {
      const matcher = pattern.matcher(text);
      if (!matcher.find()) return [];
      return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? "");
    },
  };
}

/** What is wrong is reported of the pattern as it is written. */
function compileTranslated(source: string): RE2JS {
  try {
    return compile(unicodeClasses(source));
  } catch (error) {
    compile(source);
    throw error;
  }
}

function compile(source: string): RE2JS {
  try {
    return re2js().RE2JS.compile(source);
  } catch (error) {
    if (!(error instanceof re2js().RE2JSException)) throw error;
    throw new PatternError(error.message.replace(/^error parsing regexp: /, ""), { cause: error });
  }
}

const wordMembers = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

const outsideClass: Readonly<Record<string, string>> = {
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  w: `[${wordMembers}]`,
  W: `[^${wordMembers}]`,
};

const insideClass: Readonly<Record<string, string>> = {
  ...outsideClass,
  w: wordMembers,
  // A class cannot hold the complement of several properties: these are the other categories, all but a few letter-like symbols.
  W: "\\p{Z}\\p{C}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{No}",
};

/** `\d \w \s` and their complements mean Unicode in Rust and ASCII in RE2. `\b` stays ASCII: RE2 has no other. */
function unicodeClasses(source: string): string {
  let translated = "";
  let inClass = false;
  for (let at = 0; at < source.length; ) {
    const piece = pieceAt(source, at, inClass);
    at += piece.length;
    if (piece === "]") inClass = false;
    else if (piece.startsWith("[")) inClass = true;
    const classes = inClass ? insideClass : outsideClass;
    translated += (piece.startsWith("\\") ? classes[piece.slice(1)] : undefined) ?? piece;
  }
  return translated;
}

/** An escape, a quotation, the opening of a class with a bracket that it holds, a named class, or one character. */
function pieceAt(source: string, at: number, inClass: boolean): string {
  const rest = inClass ? /\\.|\[:\^?\w+:\]|./sy : /\\Q.*?(?:\\E|$)|\\.|\[\^?\]?|./sy;
  rest.lastIndex = at;
  return rest.exec(source)?.[0] ?? "";
}
