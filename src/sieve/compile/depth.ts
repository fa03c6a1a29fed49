/** How deep a script goes, as it is compiled and run by functions that call one another. */
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";

/** Blocks and tests within one another, over all scripts that include one another: deeper than this the stack might not do. */
export const deepest = 1000;

export function depthOf(commands: readonly CommandNode[]): number {
  let depth = 0;
  for (const command of commands) depth = Math.max(depth, 1 + depthOf(command.block ?? []), depthOfTest(command));
  return depth;
}

function depthOfTest({ tests }: TestNode): number {
  let depth = 0;
  for (const test of tests) depth = Math.max(depth, depthOfTest(test));
  return 1 + depth;
}
