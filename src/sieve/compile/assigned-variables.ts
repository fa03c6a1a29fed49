/** Which variables a script sets, before it is compiled: a loop may read what is set further down. */
import { commands } from "../commands/commands.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import { tests } from "../tests/tests.ts";
import { splitArguments } from "./bind.ts";
import type { Signature } from "./definition.ts";

/** In lower case. */
export function assignedVariables(nodes: readonly CommandNode[]): ReadonlySet<string> {
  const names = new Set<string>();
  collectCommands(nodes, names);
  return names;
}

function collectCommands(nodes: readonly CommandNode[], names: Set<string>): void {
  for (const node of nodes) {
    collect(node, commands.get(node.name), names);
    collectCommands(node.block ?? [], names);
  }
}

function collect(node: TestNode, record: Signature | undefined, names: Set<string>): void {
  if (record) for (const name of assignedBy(node, record)) names.add(name.toLowerCase());
  for (const test of node.tests) collect(test, tests.get(test.name), names);
}

function assignedBy({ arguments: written }: TestNode, record: Signature): string[] {
  const { tagged, loose } = splitArguments(written, record);
  const assigned = [
    ...tagged.flatMap(({ record, values }) => (record?.isAssigned ? values : [])),
    ...loose.filter((_, index) => record.positions?.[index]?.isAssigned),
  ];
  return assigned.flatMap((argument) => {
    if (argument.kind === "list") return argument.items.map(({ value }) => value);
    return argument.kind === "text" ? [argument.value] : [];
  });
}
