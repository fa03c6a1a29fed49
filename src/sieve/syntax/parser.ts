/**
 * Words to commands (RFC 5228 section 8.2). It knows no names. After an error it continues after the next semicolon or at
 * the next brace, so that one pass finds all.
 */
import { shorten } from "../../text/shorten.ts";
import type { Limits } from "../limits.ts";
import { type Mark, type ReportProblem, type ScriptToken, tokenize } from "./lexer.ts";
import type { Argument, CommandNode, TestNode, TextNode } from "./syntax-tree.ts";

/** Reports what is wrong, and yields what could be read. */
export function parseScript(source: string, limits: Limits, report: ReportProblem): CommandNode[] {
  const parser = new ScriptParser(source, limits, report);
  return parser.script();
}

/** Blocks and tests are read by functions that call themselves: a deeper nesting might exhaust the stack, whatever the limits are. */
const deepest = 400;

/** What a command or test is followed by. */
interface Tail {
  readonly arguments: Argument[];
  readonly tests: TestNode[];
  readonly isTestList: boolean;
}

const nothing: Tail = { arguments: [], tests: [], isTestList: false };

const listWithoutParentheses = 'unexpected ",". Put a list of tests into parentheses: anyof (…, …).';
const listWithoutBrackets = 'unexpected ",". Arguments have no commas between them, and a list of strings is in brackets: ["…", "…"].';

/** Thrown within one command, where it was reported. */
const broken = Symbol("broken");

class ScriptParser {
  readonly #source: string;
  readonly #tokens: readonly ScriptToken[];
  readonly #maxBlocks: number;
  readonly #maxTests: number;
  readonly #report: ReportProblem;
  #at = 0;

  constructor(source: string, limits: Limits, report: ReportProblem) {
    this.#source = source;
    this.#tokens = tokenize(source, limits, report);
    this.#maxBlocks = Math.min(limits.nestedBlocks, deepest);
    this.#maxTests = Math.min(limits.nestedTests, deepest);
    this.#report = report;
  }

  script(): CommandNode[] {
    const commands = this.#commands(0);
    while (this.#token.kind !== "end") {
      this.#report(this.#token.offset, 'unexpected "}": no block is open here. Remove it, or look for a "{" that is missing before.');
      this.#at += 1;
      for (const command of this.#commands(0)) commands.push(command);
    }
    return commands;
  }

  /** Up to a closing brace or the end. */
  #commands(depth: number): CommandNode[] {
    const commands: CommandNode[] = [];
    while (this.#token.kind !== "end" && !this.#is("}")) {
      const command = this.#command(depth);
      if (command) commands.push(command);
    }
    return commands;
  }

  #command(depth: number): CommandNode | undefined {
    const first = this.#token;
    if (first.kind !== "identifier") {
      if (this.#is(";")) this.#report(first.offset, 'unexpected ";": there is no command before it. Remove it.');
      else this.#expected("a command");
      this.#recover();
      this.#ending(depth);
      return undefined;
    }
    const after = this.#endBefore;
    this.#at += 1;
    const begin = this.#at;
    const tail = this.#tailOrBroken();
    if (tail === broken) this.#recover();
    const { name, offset } = first;
    if (tail !== broken && !this.#is(";") && !this.#is("{")) {
      if (this.#is(",") && this.#tokens[this.#at + 1]?.kind === "text") this.#report(this.#token.offset, listWithoutBrackets);
      else if (this.#is(",") && tail.tests.length > 0) this.#report(this.#token.offset, listWithoutParentheses);
      else this.#expected(`";" after "${shorten(name)}"`, this.#isOnNextLine ? this.#endBefore : this.#token.offset);
      // A word may begin the next command.
      if (this.#token.kind === "identifier") return { name, offset, after, ...nothing, block: undefined, isBroken: true };
      this.#recover();
      return { name, offset, after, ...nothing, block: this.#ending(depth), isBroken: true };
    }
    // What was left out may have been an argument.
    const isSpoiled = this.#tokens.slice(begin, this.#at + 1).some(({ isAfterStray }) => isAfterStray);
    const isBroken = tail === broken || this.#skipsSemicolon() || isSpoiled;
    const block = this.#ending(depth);
    return { name, offset, after, ...(isBroken ? nothing : tail), block, isBroken };
  }

  /** One between a command and its block. */
  #skipsSemicolon(): boolean {
    const after = this.#tokens[this.#at + 1];
    if (!this.#is(";") || after?.kind !== "mark" || after.mark !== "{") return false;
    this.#report(this.#token.offset, 'unexpected ";" before a block. Remove it.');
    this.#at += 1;
    return true;
  }

  /** The semicolon, or the block. */
  #ending(depth: number): CommandNode[] | undefined {
    if (this.#is("{")) return this.#block(depth + 1);
    if (this.#is(";")) this.#at += 1;
    return undefined;
  }

  #block(depth: number): CommandNode[] {
    const open = this.#token;
    this.#at += 1;
    if (depth > this.#maxBlocks) {
      this.#report(open.offset, `blocks are nested deeper than sieve.trusted.limits.nested-blocks allows (${this.#maxBlocks}).`);
      this.#skipBlock();
      return [];
    }
    const commands = this.#commands(depth);
    if (this.#is("}")) this.#at += 1;
    else if (!this.#isCut) this.#report(open.offset, 'this block is never closed. Close it with "}".');
    return commands;
  }

  #tailOrBroken(): Tail | typeof broken {
    try {
      return this.#tail(0);
    } catch (error) {
      if (error === broken) return broken;
      throw error;
    }
  }

  #tail(depth: number): Tail {
    const given: Argument[] = [];
    for (let next = this.#argument(); next; next = this.#argument()) given.push(next);
    if (this.#token.kind === "identifier") return { arguments: given, tests: [this.#test(depth + 1)], isTestList: false };
    if (!this.#is("(")) return { arguments: given, tests: [], isTestList: false };
    const tests: TestNode[] = [];
    do {
      this.#at += 1;
      tests.push(this.#test(depth + 1));
    } while (this.#is(","));
    if (!this.#is(")")) this.#fail('"," or ")" in a list of tests');
    this.#at += 1;
    return { arguments: given, tests, isTestList: true };
  }

  #test(depth: number): TestNode {
    const first = this.#token;
    if (first.kind !== "identifier") this.#fail("a test");
    if (depth > this.#maxTests) {
      this.#report(first.offset, `tests are nested deeper than sieve.trusted.limits.nested-tests allows (${this.#maxTests}).`);
      throw broken;
    }
    const after = this.#endBefore;
    this.#at += 1;
    return { name: first.name, offset: first.offset, after, ...this.#tail(depth) };
  }

  #argument(): Argument | undefined {
    const token = this.#token;
    if (this.#is("[")) return this.#list(token.offset);
    if (token.kind !== "tag" && token.kind !== "number" && token.kind !== "text") return undefined;
    this.#at += 1;
    if (token.kind === "text") return textOf(token);
    const { offset } = token;
    return token.kind === "tag" ? { kind: "tag", name: token.name, offset } : { kind: "number", value: token.value, offset };
  }

  /** The grammar has no empty list; commands that take one accept it all the same. */
  #list(offset: number): Argument {
    const items: TextNode[] = [];
    this.#at += 1;
    if (!this.#is("]")) items.push(this.#text());
    while (this.#is(",")) {
      this.#at += 1;
      items.push(this.#text());
    }
    if (!this.#is("]")) this.#fail('"," or "]" in a list of strings');
    this.#at += 1;
    return { kind: "list", items, offset };
  }

  #text(): TextNode {
    const token = this.#token;
    if (token.kind !== "text") this.#fail(token.kind === "identifier" ? "a string in double quotes" : "a string");
    this.#at += 1;
    return textOf(token);
  }

  /** To what can end a command, and where the next may begin. */
  #recover(): void {
    while (this.#token.kind !== "end" && !this.#is(";") && !this.#is("{") && !this.#is("}")) this.#at += 1;
  }

  /** To the brace that closes the block which is open. */
  #skipBlock(): void {
    for (let open = 1; open > 0 && this.#token.kind !== "end"; this.#at += 1) {
      if (this.#is("{")) open += 1;
      else if (this.#is("}")) open -= 1;
    }
  }

  #fail(expected: string): never {
    this.#expected(expected);
    throw broken;
  }

  #expected(what: string, offset = this.#token.offset): void {
    if (!this.#isCut) this.#report(offset, `expected ${what}, found ${described(this.#token)}.`);
  }

  get #token(): ScriptToken {
    const token = this.#tokens[this.#at];
    if (!token) throw new Error("read beyond the end of a script");
    return token;
  }

  /** Where the token before this one ends. */
  get #endBefore(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0;
  }

  get #isOnNextLine(): boolean {
    return this.#source.slice(this.#endBefore, this.#token.offset).includes("\n");
  }

  /** What was left open at the end was reported by the lexer. */
  get #isCut(): boolean {
    return this.#token.kind === "end" && this.#token.isCut;
  }

  #is(mark: Mark): boolean {
    const token = this.#token;
    return token.kind === "mark" && token.mark === mark;
  }
}

function textOf({ value, offset }: Extract<ScriptToken, { kind: "text" }>): TextNode {
  return { kind: "text", value, offset };
}

function described(token: ScriptToken): string {
  switch (token.kind) {
    case "identifier":
      return `"${shorten(token.name)}"`;
    case "tag":
      return `":${shorten(token.name)}"`;
    case "number":
      return `the number ${token.value}`;
    case "text":
      return "a string";
    case "mark":
      return `"${token.mark}"`;
    case "end":
      return "the end of the script";
  }
}
