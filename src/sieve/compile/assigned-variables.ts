/** Which variables a script sets, before it is compiled: a loop may read what stands further down. */
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";

export function namesSet(commands: readonly CommandNode[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const command of commands) collectCommand(command, names);
  return names;
}

function collectCommand(command: CommandNode, names: Set<string>): void {
  collect(command, names);
  for (const inner of command.block ?? []) collectCommand(inner, names);
}

function collect(node: TestNode, names: Set<string>): void {
  for (const name of namesIn(node)) names.add(name.toLowerCase());
  for (const test of node.tests) collect(test, names);
}

/** `set … "name" "value"`, `let "name" "expression"`, `query :set ["name", …]`. */
function namesIn({ name, arguments: given }: TestNode): string[] {
  const texts = given.flatMap((argument) => (argument.kind === "text" ? [argument.value] : []));
  if (name === "set") return texts.slice(-2, -1);
  if (name === "let") return texts.slice(0, 1);
  return given.flatMap((argument, index) => {
    const before = given[index - 1];
    if (before?.kind !== "tag" || before.name !== "set") return [];
    return argument.kind === "list" ? argument.items.map(({ value }) => value) : argument.kind === "text" ? [argument.value] : [];
  });
}
