/** Which way lists and results pull: whether a listing can only make the value of an expression true, only false, or either. */
import type { ExpressionNode } from "./syntax.ts";
import type { BinaryOperator } from "./token.ts";

/** 1: with a listing it is no less true, -1: no more, 0: either way, or too far to see. */
export type Pull = -1 | 0 | 1;

type Chain = Extract<ExpressionNode, { kind: "chain" }>;
type Call = Extract<ExpressionNode, { kind: "call" }>;

/** What of a value counts where it stands: whether it is true, how much it is, or which elements it has. */
type Read = "truth" | "number" | "elements";

/** Functions that ask a list, and as what their value is no less with a listing: as a number an array is something else, and so is a text. */
const listings: ReadonlyMap<string, readonly Read[]> = new Map<string, readonly Read[]>([
  ["dns_list", ["truth", "elements"]],
  ["dns_listed", ["truth", "number"]],
  ["key_exists", ["truth", "number"]],
  ["key_get", ["truth"]],
]);

/** Functions that read elements, and what a further one does to their value. */
const readers: ReadonlyMap<string, Pull> = new Map<string, Pull>([
  ["contains", 1],
  ["count", 1],
  ["is_empty", -1],
]);

/** Functions whose value is 0 or 1. */
const flags: ReadonlySet<string> = new Set(["contains", "dns_listed", "is_empty", "key_exists"]);

/** Functions whose value is a number. */
const numbers: ReadonlySet<string> = new Set([...flags, "count", "counter_get", "counter_incr"]);

/** What a variable is in place of a result that nobody could tell. */
const untold = "temperror";

/** By the call that asks a list, or the name of a variable: that of a result in place of `temperror`. `pull`: that of the value itself on what it is for. */
export function pullsIn(node: ExpressionNode, pull: Pull): ReadonlyMap<ExpressionNode, Pull> {
  const pulls: Pulls = new Map();
  note(node, "truth", pull, pulls);
  return pulls;
}

type Pulls = Map<ExpressionNode, Pull>;

function note(node: ExpressionNode, read: Read, pull: Pull, pulls: Pulls): void {
  switch (node.kind) {
    case "literal":
    case "capture":
      break;
    case "name":
      pulls.set(node, 0);
      break;
    case "call":
      noteCall(node, read, pull, pulls);
      break;
    case "array":
      for (const element of node.elements) note(element, "truth", 0, pulls);
      break;
    case "index":
      for (const part of [node.of, ...node.indexes]) note(part, "truth", 0, pulls);
      break;
    case "unary":
      if (node.operator === "!") note(node.operand, "truth", read === "elements" ? 0 : times(pull, -1), pulls);
      // Less than nothing is true, as more is.
      else note(node.operand, "number", read === "number" ? times(pull, -1) : 0, pulls);
      break;
    case "chain":
      noteChain(node, read, pull, pulls);
      break;
  }
}

function noteCall(call: Call, read: Read, pull: Pull, pulls: Pulls): void {
  const reads = listings.get(call.name);
  if (reads !== undefined) pulls.set(call, reads.includes(read) ? pull : 0);
  const reader = read === "elements" ? undefined : readers.get(call.name);
  for (const [index, parameter] of call.parameters.entries()) {
    if (index === 0 && reader !== undefined) note(parameter, "elements", times(pull, reader), pulls);
    else note(parameter, "truth", 0, pulls);
  }
}

function noteChain({ head, links }: Chain, read: Read, pull: Pull, pulls: Pulls): void {
  const [first] = links;
  const operands = [head, ...links.map(({ operand }) => operand)];
  switch (first?.operator) {
    case "==":
    case "!=": {
      const sign = read !== "elements" && isComparedResult(operands) ? (first.operator === "==" ? 1 : -1) : 0;
      for (const operand of operands) {
        note(operand, "truth", 0, pulls);
        if (operand.kind === "name") pulls.set(operand, times(pull, sign));
      }
      break;
    }
    case undefined:
    case "^":
      for (const operand of operands) note(operand, "truth", 0, pulls);
      break;
    case "&&":
    case "||": {
      // The first may be the value itself; that of the others is 0 or 1.
      const isItself = read !== "truth" && !isFlag(head);
      for (const operand of operands) note(operand, "truth", read === "elements" || (isItself && operand === head) ? 0 : pull, pulls);
      break;
    }
    case ">":
    case ">=":
    case "<":
    case "<=": {
      const sign = read !== "elements" && links.length === 1 ? (first.operator.startsWith(">") ? 1 : -1) : 0;
      note(head, "number", times(pull, sign), pulls);
      for (const { operand } of links) note(operand, "number", times(pull, times(sign, -1)), pulls);
      break;
    }
    case "+":
    case "-": {
      // Texts are joined, arrays joined or filtered.
      const isSum = read === "number" && operands.every(isNumber);
      note(head, "number", isSum ? pull : 0, pulls);
      for (const { operator, operand } of links) note(operand, "number", isSum ? times(pull, operator === "+" ? 1 : -1) : 0, pulls);
      break;
    }
    case "*":
    case "/": {
      const weighed = operands.filter((operand) => !isWeight(operand));
      const isWeighed = read === "number" && weighed.length === 1 && links.every(({ operator }) => operator === "*");
      for (const operand of weighed) note(operand, "number", isWeighed ? pull : 0, pulls);
      break;
    }
  }
}

/** No literal number is less than 0. */
function isWeight(node: ExpressionNode): boolean {
  return node.kind === "literal" && typeof node.value === "number";
}

/** A variable and a text: one that it is not while it is untold. */
function isComparedResult(operands: readonly ExpressionNode[]): boolean {
  const isResult = ({ kind }: ExpressionNode) => kind === "name";
  const isKnown = (node: ExpressionNode) => node.kind === "literal" && typeof node.value === "string" && !["", untold].includes(node.value);
  return operands.length === 2 && operands.some(isResult) && operands.some(isKnown);
}

/** Whether its value is surely 0 or 1. */
function isFlag(node: ExpressionNode): boolean {
  if (node.kind === "call") return flags.has(node.name);
  if (node.kind === "unary") return node.operator === "!";
  return node.kind === "chain" && (comparisons.has(node.links[0]?.operator) || (isShortCircuit(node) && isFlag(node.head)));
}

/** Whether its value is surely a number. */
function isNumber(node: ExpressionNode): boolean {
  switch (node.kind) {
    case "literal":
      return typeof node.value === "number";
    case "call":
      return numbers.has(node.name);
    case "unary":
      return true;
    case "chain": {
      const operator = node.links[0]?.operator;
      if (operator === "*" || operator === "/" || comparisons.has(operator)) return true;
      return isShortCircuit(node) ? isNumber(node.head) : isNumber(node.head) && node.links.every(({ operand }) => isNumber(operand));
    }
    case "array":
    case "capture":
    case "index":
    case "name":
      return false;
  }
}

const comparisons: ReadonlySet<BinaryOperator | undefined> = new Set<BinaryOperator>(["==", "!=", "^", ">", ">=", "<", "<="]);

function isShortCircuit({ links }: Chain): boolean {
  return links[0]?.operator === "&&" || links[0]?.operator === "||";
}

/** There is no negative zero. */
function times(a: Pull, b: Pull): Pull {
  return a === 0 || b === 0 ? 0 : a === b ? 1 : -1;
}
