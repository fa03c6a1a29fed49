/** Expressions that depend on nothing, so that what they yield is known when they are compiled. */
import type { Ask } from "./ask.ts";
import { compileExpression } from "./compile.ts";
import { pureFunctions } from "./functions.ts";
import { type Node, parse } from "./syntax.ts";
import type { Value } from "./value.ts";

const noNames = { directories: new Map(), lookups: new Map(), stores: new Set<string>() };

/** `undefined`: it depends on variables, captures or sources. Throws an `ExpressionError` as compiling it does. */
export function constantValue(source: string, constants: ReadonlySet<string>): Value | undefined {
  if (!isConstant(parse(source), constants)) return undefined;
  // No part of it asks.
  const value = compileExpression(source, { variables: new Map(), constants, names: noNames }).evaluate(undefined, {} as Ask);
  return value instanceof Promise ? undefined : value;
}

function isConstant(node: Node, constants: ReadonlySet<string>): boolean {
  const areConstant = (nodes: readonly Node[]) => nodes.every((each) => isConstant(each, constants));
  switch (node.kind) {
    case "literal":
      return true;
    case "capture":
      return false;
    case "name":
      return constants.has(node.name);
    case "call":
      return pureFunctions.has(node.name) && areConstant(node.parameters);
    case "array":
      return areConstant(node.elements);
    case "unary":
      return isConstant(node.operand, constants);
    case "index":
      return areConstant([node.of, ...node.indexes]);
    case "chain":
      return areConstant([node.head, ...node.links.map(({ operand }) => operand)]);
  }
}
