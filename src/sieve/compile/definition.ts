/** The records of which the tables of commands and tests are made: arguments, capability, and how it is compiled. */
import type { Vocabulary } from "../../expr/expression.ts";
import type { Value } from "../../expr/value.ts";
import type { ScriptVocabulary } from "../script.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import type { Command, Run, Test, Text } from "./script-code.ts";

/** What a tag or a position takes: `texts` is a list of strings, or one. */
export type ArgumentType = "text" | "texts" | "number";

export interface TagRecord {
  /** Lower case, without its colon. */
  readonly name: string;
  readonly takes?: ArgumentType;
  /** It takes two of them, as `:replace "from" "to"` does. */
  readonly takesTwo?: true;
  /** Of the tags of one group at most one may be given, such as `match-type`. */
  readonly group?: string;
  /** Extension that has to be required; left out, that of the command or test. */
  readonly capability?: string;
}

export interface PositionRecord {
  /** For messages: `key list`. */
  readonly name: string;
  readonly type: ArgumentType;
  /** May be left out when there are fewer arguments than positions. */
  readonly isOptional?: true;
  /** Variables are not put in: it is an expression, which reads them itself. */
  readonly isExpression?: true;
}

/** What a command or test takes. */
export interface Signature {
  readonly name: string;
  /** Extension that has to be required; left out, it is of RFC 5228. */
  readonly capability?: string;
  readonly tags?: readonly TagRecord[];
  readonly positions?: readonly PositionRecord[];
}

export interface TestRecord extends Signature {
  /** One test (`not`), or a list of them (`anyof`). Left out: none. */
  readonly tests?: "one" | "list";
  /** A test of its list that is `always` so settles it: those behind it may be unknown ones (RFC 5463 section 4). */
  readonly settledBy?: boolean;
  /** `undefined`: an error was reported. */
  compile(given: Given, context: Context): Test | undefined;
}

export interface CommandRecord extends Signature {
  /** It has a block, which is the body of a loop. */
  readonly hasBlock?: true;
  /** Its steps are reported to the trace by itself, because there are more than one, or other commands within them. */
  readonly reportsItself?: true;
  /** Its block may `break` and `continue`. */
  readonly isLoop?: true;
  compile(given: Given, context: Context): Command | undefined;
}

/** The arguments of one command or test, checked against its signature. A tag or position that it does not have is a bug, and throws. */
export interface Given {
  readonly node: CommandNode | TestNode;
  /** Where the tag was given, or `undefined`. */
  tag(name: string): GivenTag | undefined;
  /** The tag of a group that was given. */
  inGroup(group: string): GivenTag | undefined;
  /** By index of the position; those of an optional position that was left out throw. */
  has(position: number): boolean;
  text(position: number): GivenText;
  texts(position: number): readonly GivenText[];
  number(position: number): number;
  /** Compiled; one with an error is left out, and the command that has it does not run anyway. */
  readonly tests: readonly Test[];
  readonly block: readonly Command[] | undefined;
}

/** A text with the place where it stands. */
export interface GivenText extends Text {
  readonly offset: number;
  /** As written, escapes undone, variables not put in. */
  readonly written: string;
}

export interface GivenTag {
  readonly name: string;
  readonly offset: number;
  /** The index is 0, or 1 for the second of two. */
  text(index?: number): GivenText;
  texts(): readonly GivenText[];
  number(): number;
}

/** What compiling one script knows and finds out. */
export interface Context {
  readonly script: string;
  /** The whole script as it is written. */
  readonly source: string;
  readonly vocabulary: ScriptVocabulary;
  /** For expressions: the variables of this script, `env.NAME`, `envelope.NAME`, `global.NAME`. */
  readonly expressions: Vocabulary<Run>;
  error(offset: number, message: string): void;
  warn(offset: number, message: string): void;
  /** Only the first time that a script gives cause for this message. */
  warnOnce(offset: number, message: string): void;
  /** Collects a SQL statement that is known now; the store is named as in `Ask.sqlQuery`. */
  statement(store: string, sql: string, offset: number): void;
  /** Reports what is used without having been required. */
  needs(capability: string, offset: number, what: string): void;
  /** As `require` and `ihave` do: it counts as required from here on. False: there is no such capability. */
  enable(capability: string): boolean;
  /** Declares it where it is new; `envelope.X`, `global.X` are known. `undefined`: an error was reported. */
  target(name: GivenText): Target | undefined;
  /** Makes it one of the variables that all included scripts share (RFC 6609 3.4.1). */
  shareGlobally(name: GivenText): void;
  /** Compiles it, once. `undefined`: an error was reported; `"missing"`: there is none of that name, and nothing was reported. */
  include(name: string, offset: number): Included | "missing" | undefined;
  /** True within the body of a loop. */
  readonly isInLoop: boolean;
  /** The line of an offset in this script, for the trace. */
  line(offset: number): number;
}

/** A script that another one includes. */
export interface Included {
  /** In lower case. */
  readonly name: string;
  readonly body: Command;
  /** Slots of its local variables. */
  readonly locals: number;
}

/** Where `set` and `let` put a value. */
export type Target = (run: Run, value: Value) => void;
