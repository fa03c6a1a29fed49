/** The records of which the tables of commands and tests are made: arguments, capability, and how it is compiled. */
import type { Vocabulary } from "../../expr/expression.ts";
import type { Value } from "../../expr/value.ts";
import type { ScriptRun } from "../run/script-run.ts";
import type { ScriptVocabulary } from "../script.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import type { CommandCode, TestCode, Text } from "./script-code.ts";

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
  /** What it takes are names of variables, which are set. */
  readonly isAssigned?: true;
}

export interface PositionRecord {
  /** For messages: `key list`. */
  readonly name: string;
  readonly type: ArgumentType;
  /** May be left out when there are fewer arguments than positions. */
  readonly isOptional?: true;
  /** Variables are not put in: it is an expression, which reads them itself. */
  readonly isExpression?: true;
  /** It is the name of a variable, which is set. */
  readonly isAssigned?: true;
}

/** What a command or test takes. */
export interface Signature {
  readonly name: string;
  /** Extension that has to be required; left out, it is of RFC 5228. */
  readonly capability?: string;
  readonly tags?: readonly TagRecord[];
  readonly positions?: readonly PositionRecord[];
  /** After the arguments: one test (`not`), or a list of them (`anyof`). Left out: none. */
  readonly tests?: "one" | "list";
  /** Last of all: a block. */
  readonly hasBlock?: true;
}

export interface TestRecord extends Signature {
  /** A test of its list that is known to be so settles it: those after it may be unknown ones (RFC 5463 section 4). */
  readonly settledBy?: boolean;
  /** `undefined`: an error was reported. */
  compile(args: Arguments, context: ScriptContext): TestCode | undefined;
}

export type CommandRecord = BeginningRecord | ContinuingRecord;

export interface BeginningRecord extends Signature {
  /** Its steps are traced by itself, because there are more than one, or other commands within them. */
  readonly tracesItself?: true;
  /** Its block may `break` and `continue`. */
  readonly isLoop?: true;
  readonly continues?: undefined;
  /** `continued`: the arguments of the commands that continue it, in order. `undefined`: an error was reported. */
  compile(args: Arguments, context: ScriptContext, continued: readonly Arguments[]): CommandCode | undefined;
}

/** What goes on with a command, as `else` does with `if`: that one compiles both. */
export interface ContinuingRecord extends Signature {
  readonly continues: string;
  readonly isLoop?: undefined;
}

/** The arguments of one command or test, checked against its signature. A tag or position that it does not have is a bug, and throws. */
export interface Arguments {
  readonly node: CommandNode | TestNode;
  /** Where the tag was given, or `undefined`. */
  tag(name: string): TagArgument | undefined;
  /** The tag of a group that was given. */
  inGroup(group: string): TagArgument | undefined;
  /** By index of the position; those of an optional position that was left out throw. */
  has(position: number): boolean;
  text(position: number): TextArgument;
  texts(position: number): readonly TextArgument[];
  number(position: number): number;
  /** Compiled; one with an error is left out, and the command that has it does not run anyway. */
  readonly tests: readonly TestCode[];
  readonly block: readonly CommandCode[] | undefined;
}

/** A text with its place. */
export interface TextArgument extends Text {
  readonly offset: number;
  /** As written, escapes undone, variables not put in. */
  readonly written: string;
}

export interface TagArgument {
  readonly name: string;
  readonly offset: number;
  /** The index is 0, or 1 for the second of two. */
  text(index?: number): TextArgument;
  texts(): readonly TextArgument[];
  number(): number;
}

/** What compiling one script knows and finds out. */
export interface ScriptContext {
  readonly script: string;
  /** The whole script as it is written. */
  readonly source: string;
  readonly vocabulary: ScriptVocabulary;
  /** For expressions: the variables of this script, `env.NAME`, `envelope.NAME`, `global.NAME`. */
  readonly expressions: Vocabulary<ScriptRun>;
  error(offset: number, message: string): void;
  warn(offset: number, message: string): void;
  /** Only the first time that a script gives cause for this message. */
  warnOnce(offset: number, message: string): void;
  /** Collects a SQL statement that is known now; the store is named as in `Ask.sqlQuery`. */
  statement(store: string, sql: string, offset: number): void;
  /** Notes that an item of the environment is read; `mayPrevent`: another value of it might prevent a refusal. */
  readsItem(item: string, mayPrevent?: boolean): void;
  /** Reports what is used without having been required. */
  needs(capability: string, offset: number, what: string): void;
  isRequired(capability: string): boolean;
  /** As `require` and `ihave` do: it counts as required from here on. False: there is no such capability. */
  enable(capability: string): boolean;
  /** Declares it where it is new; `envelope.X`, `global.X` are known. `undefined`: an error was reported. */
  target(name: TextArgument): Target | undefined;
  /** Makes it one of the variables that all included scripts share (RFC 6609 3.4.1). */
  shareGlobally(name: TextArgument): void;
  /**
   * Compiles it, once. `undefined`: an error was reported; `"missing"`: there is none of that name, and nothing was reported. One that
   * includes this script itself is not compiled yet, and an error unless it is included `once`.
   */
  include(name: string, offset: number, once: boolean): Included | "missing" | undefined;
  /** Nothing in the script takes a refusal for good back. */
  readonly keepsRefusals: boolean;
  /** Of a test: when it is true, the script refuses for good. */
  readonly leadsToRefusal: boolean;
  /** True within the body of a loop. */
  readonly isInLoop: boolean;
  /** The line of an offset in this script, for the trace. */
  line(offset: number): number;
}

/** A script that another one includes. All but its name is known when it is compiled. */
export interface Included {
  /** In lower case. */
  readonly name: string;
  body: CommandCode;
  /** Slots of its local variables. */
  locals: number;
}

/** Where `set` and `let` put a value. */
export type Target = (run: ScriptRun, value: Value) => void;
