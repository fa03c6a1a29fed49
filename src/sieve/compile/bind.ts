/** Arguments as written to arguments as a command or test takes them: what does not fit its signature is reported. */

import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import { commands } from "../commands/commands.ts";
import type { Argument, CommandNode, TestNode, TextNode } from "../syntax/syntax-tree.ts";
import type {
  Arguments,
  ArgumentType,
  PositionRecord,
  ScriptContext,
  Signature,
  TagArgument,
  TagRecord,
  TextArgument,
} from "./definition.ts";
import { strayWord } from "./hints.ts";
import type { CommandCode, TestCode } from "./script-code.ts";

/** What one tag or position was given. */
type Bound = { readonly texts: readonly TextArgument[] } | { readonly number: number };

/** What follows the arguments, compiled. */
interface Parts {
  readonly tests: readonly TestCode[];
  readonly block: readonly CommandCode[] | undefined;
}

/** What compiling needs besides what concerns the records. */
export interface BlockContext extends ScriptContext {
  read(text: TextNode, isExpression?: true): TextArgument;
  /** Commands, tests and tags that do not exist are not reported, and nothing is compiled: it will not run. */
  readonly mayLackWords: boolean;
}

/** `undefined`: an error was reported. */
export function bind(node: CommandNode | TestNode, form: Signature, context: BlockContext, { tests, block }: Parts): Arguments | undefined {
  const binding: Binding = { node, form, context, fits: true };
  if (form.capability !== undefined) context.needs(form.capability, node.offset, `"${node.name}"`);
  const { tagged, loose } = splitArguments(node.arguments, form);
  const tags = bindTags(tagged, binding);
  // An unknown tag may have had a value, so what is left may not be what was meant.
  const values: ReadonlyMap<number, Bound> = binding.fits || loose.length === 0 ? bindPositions(loose, binding) : new Map();
  if (binding.fits) checkTests(binding);
  if (!binding.fits) return undefined;
  return {
    node,
    tag: (name) => tags.find((tag) => tag.name === declared(name, form).name),
    inGroup: (group) => tags.find(({ name }) => declared(name, form).group === group),
    has: (position) => values.has(position),
    text: (position) => textIn(values.get(position)),
    texts: (position) => textsIn(values.get(position)),
    number: (position) => numberIn(values.get(position)),
    tests,
    block,
  };
}

/** One command or test while its arguments are bound. */
interface Binding {
  readonly node: CommandNode | TestNode;
  readonly form: Signature;
  readonly context: BlockContext;
  fits: boolean;
}

function fail(binding: Binding, offset: number, message: string): void {
  binding.fits = false;
  binding.context.error(offset, message);
}

/** What may be missing before a word on another line is missing on the line before. */
function failAtWord(binding: Binding, { name, offset, after }: TestNode, isLacking: boolean): void {
  const { node, form, context } = binding;
  const isOnNextLine = context.source.slice(after, offset).includes("\n");
  fail(binding, isOnNextLine ? after : offset, strayWord(name, form, !("block" in node), isLacking));
}

function bindTags(tagged: readonly TaggedArguments[], binding: Binding): readonly TagArgument[] {
  const { form, context } = binding;
  const tags: TagArgument[] = [];
  for (const { name, offset, record, values, isLate } of tagged) {
    const rival = record && tags.find((tag) => tag.name === name || isRival(record, tag.name, form));
    if (!record && context.mayLackWords) binding.fits = false;
    else if (!record) fail(binding, offset, unknownTag(name, form));
    else if (rival) fail(binding, offset, conflict(name, rival.name));
    else if (isLate) fail(binding, offset, `":${name}" must come before the arguments without a tag.`);
    if (!record) continue;
    if (record.capability !== undefined) context.needs(record.capability, offset, `":${name}"`);
    const bound = takenBy(record).flatMap(
      (type, index) => boundTo(binding, values[index], type, `the argument of ":${name}"`, offset) ?? [],
    );
    tags.push(tagArgument(name, offset, bound));
  }
  return tags;
}

/** A tag, with the arguments that it takes as far as they are there. */
interface TaggedArguments {
  readonly name: string;
  readonly offset: number;
  /** `undefined`: there is no such tag. */
  readonly record: TagRecord | undefined;
  readonly values: readonly Argument[];
  /** An argument without a tag comes before it. */
  readonly isLate: boolean;
}

/** The arguments as they are written, by what takes them; `loose` are those of positions. */
export function splitArguments(
  written: readonly Argument[],
  { tags }: Signature,
): { tagged: readonly TaggedArguments[]; loose: readonly Argument[] } {
  const tagged: TaggedArguments[] = [];
  const loose: Argument[] = [];
  let values: Argument[] = [];
  let most = 0;
  // What follows a tag that there is not may be its value.
  let isCertain = true;
  for (const argument of written) {
    if (argument.kind === "tag") {
      const { name, offset } = argument;
      const record = tags?.find((tag) => tag.name === name);
      values = [];
      most = record ? takenBy(record).length : 0;
      tagged.push({ name, offset, record, values, isLate: isCertain && loose.length > 0 });
      isCertain &&= record !== undefined;
    } else if (values.length < most) values.push(argument);
    else loose.push(argument);
  }
  return { tagged, loose };
}

function takenBy({ takes, takesTwo }: TagRecord): readonly ArgumentType[] {
  if (takes === undefined) return [];
  return takesTwo ? [takes, takes] : [takes];
}

function bindPositions(loose: readonly Argument[], binding: Binding): ReadonlyMap<number, Bound> {
  const { node, form } = binding;
  const positions = form.positions ?? [];
  const values = new Map<number, Bound>();
  const chosen = choosePositions(positions, loose.length);
  const [word] = form.tests ? [] : node.tests;
  if (!chosen && word && !commands.has(word.name)) failAtWord(binding, word, loose.length < positions.length);
  else if (!chosen) fail(binding, loose[positions.length]?.offset ?? node.offset, wrongCount(form, loose));
  for (const [index, position] of chosen?.entries() ?? []) {
    const argument = loose[index];
    const what = `the ${position.name} of "${node.name}"`;
    const bound = argument && boundTo(binding, argument, position.type, what, argument.offset, position);
    if (bound) values.set(positions.indexOf(position), bound);
  }
  return values;
}

/** `undefined`: an error was reported. */
function boundTo(
  binding: Binding,
  argument: Argument | undefined,
  type: ArgumentType,
  what: string,
  offset: number,
  { isExpression, isOptional }: Partial<PositionRecord> = {},
): Bound | undefined {
  const read = (text: TextNode): TextArgument => binding.context.read(text, isExpression);
  if (argument?.kind === "number" && type === "number") return { number: argument.value };
  if (argument?.kind === "text" && type !== "number") return { texts: [read(argument)] };
  if (argument?.kind === "list" && type === "texts") {
    if (argument.items.length > 0 || isOptional) return { texts: argument.items.map(read) };
    fail(binding, argument.offset, `${what} is an empty list. Put a string into it.`);
    return undefined;
  }
  const found = argument ? `, not ${described(argument)}` : "";
  fail(binding, argument?.offset ?? offset, `${what} must be ${typeNames[type]}${found}.`);
  return undefined;
}

const typeNames: Readonly<Record<ArgumentType, string>> = {
  text: "a string",
  texts: "a string or a list of strings",
  number: "a number",
};

function described(argument: Argument): string {
  switch (argument.kind) {
    case "tag":
      return `":${argument.name}"`;
    case "number":
      return "a number";
    case "text":
      return "a string";
    case "list":
      return "a list";
  }
}

function tagArgument(name: string, offset: number, values: readonly Bound[]): TagArgument {
  return {
    name,
    offset,
    text: (index = 0) => textIn(values[index]),
    texts: () => textsIn(values[0]),
    number: () => numberIn(values[0]),
  };
}

function textsIn(bound: Bound | undefined): readonly TextArgument[] {
  if (!bound || !("texts" in bound)) throw new Error("no strings were given here");
  return bound.texts;
}

function textIn(bound: Bound | undefined): TextArgument {
  const [text] = textsIn(bound);
  if (!text) throw new Error("no string was given here");
  return text;
}

function numberIn(bound: Bound | undefined): number {
  if (!bound || !("number" in bound)) throw new Error("no number was given here");
  return bound.number;
}

function declared(name: string, signature: Signature): TagRecord {
  const record = signature.tags?.find((tag) => tag.name === name);
  if (!record) throw new Error(`"${signature.name}" has no tag ":${name}"`);
  return record;
}

function isRival({ group }: TagRecord, name: string, signature: Signature): boolean {
  return group !== undefined && declared(name, signature).group === group;
}

function conflict(name: string, rival: string): string {
  return name === rival ? `":${name}" is given twice. Remove one.` : `":${rival}" and ":${name}" exclude each other. Remove one.`;
}

function unknownTag(name: string, { name: of, tests, tags = [] }: Signature): string {
  if (tests) return `"${of}" needs ${needed(tests)} before ":${shorten(name)}".`;
  const known = tags.map((tag) => `:${tag.name}`);
  const mend = didYouMean(`:${name}`, known) || (known.length > 0 ? ` It takes ${known.join(", ")}.` : " It takes none.");
  return `"${of}" has no tag ":${shorten(name)}".${mend}`;
}

/** Those of all positions that the arguments fill, in order. `undefined`: there are too few or too many arguments. */
function choosePositions(positions: readonly PositionRecord[], count: number): readonly PositionRecord[] | undefined {
  let spare = positions.length - count;
  if (spare < 0) return undefined;
  const chosen = positions.toReversed().filter(({ isOptional }) => !(isOptional && spare-- > 0));
  return chosen.length === count ? chosen.toReversed() : undefined;
}

function wrongCount({ name, tests, positions = [] }: Signature, loose: readonly Argument[]): string {
  const count = loose.length;
  const [first] = loose;
  if (tests && first) return `"${name}" needs ${needed(tests)}, not ${described(first)}.`;
  const fewest = positions.filter(({ isOptional }) => !isOptional).length;
  const counts = fewest === positions.length ? `${fewest}` : `${fewest} to ${positions.length}`;
  const names = positions.length > 0 ? ` (${positions.map((position) => position.name).join(", ")})` : "";
  const plural = positions.length === 1 ? "argument" : "arguments";
  const areTexts = positions.at(-1)?.type === "texts" && loose.slice(positions.length - 1).every(({ kind }) => kind === "text");
  const mend = areTexts && count > positions.length ? ' Put a list of strings into brackets: ["…", "…"].' : "";
  return `"${name}" takes ${positions.length === 0 ? "no" : counts} ${plural}${names}, not ${count}.${mend}`;
}

function needed(tests: "one" | "list"): string {
  return tests === "one" ? "a test" : "a list of tests in parentheses";
}

/** Tests and blocks must be where they belong, and nowhere else. */
function checkTests(binding: Binding): void {
  const { node, form } = binding;
  const [first] = node.tests;
  if (form.tests === undefined) {
    if (first) failAtWord(binding, first, false);
  } else if (!first) {
    fail(binding, node.offset, `"${node.name}" needs ${needed(form.tests)}.`);
  } else if (form.tests === "one" && node.isTestList) {
    const mend = node.tests.length === 1 ? "Remove the parentheses" : "Use allof (…) or anyof (…)";
    fail(binding, first.offset, `"${node.name}" takes one test, not a list. ${mend}.`);
  } else if (form.tests === "list" && !node.isTestList) {
    fail(binding, first.offset, `the tests of "${node.name}" are a list. Put them into parentheses.`);
  }
  if (!("block" in node) || (first && form.tests === undefined)) return;
  if (form.hasBlock && !node.block) fail(binding, node.offset, `"${node.name}" needs a block in braces.`);
  if (!form.hasBlock && node.block) fail(binding, node.offset, `"${node.name}" takes no block. Is there a ";" missing after it?`);
}
