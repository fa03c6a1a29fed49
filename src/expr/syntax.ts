/** The grammar of expressions: tokens to a tree. Names are not looked up here. */

import { shorten } from "../text/shorten.ts";
import { ExpressionError } from "./expression.ts";
import { type BinaryOperator, type Token, tokenize } from "./token.ts";

export type ExpressionNode =
  | { readonly kind: "literal"; readonly value: number | string; readonly offset: number }
  | { readonly kind: "capture"; readonly index: number; readonly offset: number }
  | { readonly kind: "name"; readonly name: string; readonly offset: number }
  | { readonly kind: "call"; readonly name: string; readonly parameters: readonly ExpressionNode[]; readonly offset: number }
  | { readonly kind: "array"; readonly elements: readonly ExpressionNode[]; readonly offset: number }
  | { readonly kind: "unary"; readonly operator: "!" | "-"; readonly operand: ExpressionNode; readonly offset: number }
  /** `of[0][1]…` */
  | { readonly kind: "index"; readonly of: ExpressionNode; readonly indexes: readonly ExpressionNode[]; readonly offset: number }
  /** `head op operand op operand …`, of one precedence, from the left: flat, so that a long one is not deep. */
  | { readonly kind: "chain"; readonly head: ExpressionNode; readonly links: readonly Link[]; readonly offset: number };

export interface Link {
  readonly operator: BinaryOperator;
  readonly operand: ExpressionNode;
}

const maxLength = 1 << 16;
const maxDepth = 100;

/** The loosest first. */
const levels: readonly (readonly BinaryOperator[])[] = [
  ["||"],
  ["&&"],
  ["^"],
  ["==", "!="],
  [">", ">=", "<", "<="],
  ["+", "-"],
  ["*", "/"],
];

/** What other languages have for operators. */
const words: ReadonlyMap<string, string> = new Map([
  ["and", "&&"],
  ["or", "||"],
  ["eq", "=="],
  ["ne", "!="],
  ["in", "contains(list, value)"],
]);

/** Throws an `ExpressionError`. */
export function parse(source: string): ExpressionNode {
  if (source.length > maxLength) throw new ExpressionError(`an expression may have ${maxLength} characters at most.`, maxLength);
  const parser = new ExpressionParser(tokenize(source));
  return parser.whole();
}

class ExpressionParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): ExpressionNode {
    if (this.#peek().kind === "end")
      throw new ExpressionError("the expression is empty. Write a value, such as false or ''.", this.#peek().offset);
    const node = this.#expression();
    const rest = this.#peek();
    if (rest.kind === "end") return node;
    throw new ExpressionError(this.#unexpected(rest), rest.offset);
  }

  #expression(): ExpressionNode {
    return this.#nested(() => this.#chain(0));
  }

  /** All nesting passes through here, so that no source can exhaust the stack. */
  #nested(parse: () => ExpressionNode): ExpressionNode {
    if (this.#depth === maxDepth) {
      throw new ExpressionError(`nested too deeply: ${maxDepth} levels is the limit.`, this.#peek().offset);
    }
    this.#depth++;
    const node = parse();
    this.#depth--;
    return node;
  }

  #chain(level: number): ExpressionNode {
    const operators = levels[level];
    if (!operators) return this.#unary();
    const head = this.#chain(level + 1);
    const links: Link[] = [];
    for (;;) {
      const token = this.#peek();
      const operator = token.kind === "operator" && token.operator !== "!" ? token.operator : undefined;
      if (operator === undefined || !operators.includes(operator)) break;
      this.#at++;
      links.push({ operator, operand: this.#chain(level + 1) });
    }
    return links.length === 0 ? head : { kind: "chain", head, links, offset: head.offset };
  }

  #unary(): ExpressionNode {
    const token = this.#peek();
    if (token.kind !== "operator" || (token.operator !== "!" && token.operator !== "-")) return this.#indexed();
    const { operator, offset } = token;
    this.#at++;
    return { kind: "unary", operator, operand: this.#nested(() => this.#unary()), offset };
  }

  #indexed(): ExpressionNode {
    const { kind } = this.#peek();
    const of = this.#primary();
    if (kind === "number" || kind === "text") return of;
    const indexes: ExpressionNode[] = [];
    while (this.#isMark("[")) {
      const open = this.#take();
      indexes.push(this.#expression());
      this.#close("]", open);
    }
    return indexes.length === 0 ? of : { kind: "index", of, indexes, offset: of.offset };
  }

  #primary(): ExpressionNode {
    const token = this.#peek();
    const { offset } = token;
    switch (token.kind) {
      case "number":
      case "text":
        this.#at++;
        return { kind: "literal", value: token.value, offset };
      case "capture":
        this.#at++;
        return { kind: "capture", index: token.index, offset };
      case "name": {
        this.#at++;
        if (!this.#isMark("(")) return { kind: "name", name: token.source, offset };
        return { kind: "call", name: token.source, parameters: this.#list(")"), offset };
      }
      case "punctuation": {
        if (token.mark === "[") return { kind: "array", elements: this.#list("]"), offset };
        if (token.mark !== "(") throw this.#missing();
        this.#at++;
        const inner = this.#expression();
        this.#close(")", token);
        return inner;
      }
      case "operator":
      case "end":
        throw this.#missing();
    }
  }

  #list(mark: ")" | "]"): ExpressionNode[] {
    const open = this.#take();
    const nodes: ExpressionNode[] = [];
    if (this.#isMark(mark)) {
      this.#at++;
      return nodes;
    }
    for (;;) {
      nodes.push(this.#expression());
      if (!this.#isMark(",")) break;
      this.#at++;
    }
    this.#close(mark, open);
    return nodes;
  }

  #close(mark: ")" | "]", open: Token): void {
    const token = this.#peek();
    if (this.#isMark(mark)) this.#at++;
    else if (token.kind === "end") throw new ExpressionError(`"${open.source}" is never closed. Add "${mark}".`, open.offset);
    else throw new ExpressionError(this.#unexpected(token), token.offset);
  }

  /** A token where only an operator, or the end, can be. */
  #unexpected(token: Token): string {
    const shown = show(token);
    if (token.kind === "punctuation" && token.mark === ",")
      return `unexpected ",". Only the parameters of a function and the elements of an array have commas.`;
    if (token.kind === "punctuation" && (token.mark === ")" || token.mark === "]"))
      return `unexpected ${shown}. Remove it, or open it before.`;
    const meant = words.get(token.source.toLowerCase());
    if (meant !== undefined) return `unexpected ${shown}. Write ${meant}.`;
    const before = show(this.#tokens[this.#at - 1]);
    const mend = before.toLowerCase() === '"not"' ? ` Write ! for ${before}.` : "";
    return `an operator is missing between ${before} and ${shown}.${mend}`;
  }

  #missing(): ExpressionError {
    const token = this.#peek();
    const before = this.#tokens[this.#at - 1];
    const where = before === undefined ? `before ${show(token)}` : `after ${show(before)}`;
    return new ExpressionError(`a value is missing ${where}.`, token.offset);
  }

  #isMark(mark: string): boolean {
    const token = this.#peek();
    return token.kind === "punctuation" && token.mark === mark;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #peek(): Token {
    const token = this.#tokens[this.#at];
    // The end is never taken, so there is always one more.
    if (!token) throw new Error("read past the end of an expression");
    return token;
  }
}

function show(token: Token | undefined): string {
  if (!token || token.kind === "end") return "the end";
  const source = shorten(token.source);
  return token.kind === "text" ? source : `"${source}"`;
}
