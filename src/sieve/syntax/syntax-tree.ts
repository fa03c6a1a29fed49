/** Scripts as they are written (RFC 5228 section 8): commands, tests and arguments, each with its place, before anything is known of their names. */

export type Argument =
  /** Lower case, without its colon. */
  | { readonly kind: "tag"; readonly name: string; readonly offset: number }
  /** Multiplied by its unit. */
  | { readonly kind: "number"; readonly value: number; readonly offset: number }
  | TextNode
  | { readonly kind: "list"; readonly items: readonly TextNode[]; readonly offset: number };

/** A quoted string or a text block, its escapes or dots undone. */
export interface TextNode {
  readonly kind: "text";
  readonly value: string;
  readonly offset: number;
}

/**
 * Where a character of a string is in its script: its own place if the string is written as it is; where it has escapes or is a
 * block, that of its beginning.
 */
export function placeWithin(source: string, text: string, offset: number, within: number): number {
  return source[offset] === '"' && source.startsWith(text.slice(0, within + 1), offset + 1) ? offset + 1 + within : offset;
}

/** `name` is in lower case. Offsets are those of the first character, in UTF-16 units into the script. */
export interface TestNode {
  readonly name: string;
  readonly offset: number;
  /** Where the word before it ends. */
  readonly after: number;
  readonly arguments: readonly Argument[];
  /** What follows the arguments: `not TEST` has one, `anyof (TEST, …)` a list in parentheses. */
  readonly tests: readonly TestNode[];
  readonly isTestList: boolean;
}

export interface CommandNode extends TestNode {
  /** `undefined`: it ends with a semicolon. */
  readonly block: readonly CommandNode[] | undefined;
  /** A syntax error was reported in its arguments or tests, so they mean nothing. */
  readonly isBroken: boolean;
}
