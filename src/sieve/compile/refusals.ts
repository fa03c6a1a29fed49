/** What surely refuses for good, as a script is written: there a list that is away, or a result that nobody can tell, could change nothing. */
import type { OnDoubt } from "../../expr/expression.ts";
import type { ScriptRun } from "../run/script-run.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import type { ScriptContext } from "./definition.ts";

/** Whether nothing in the script takes a refusal for good back, once it was decided. */
export function keepsRefusals(nodes: readonly CommandNode[]): boolean {
  return nodes.every((node) => {
    if (node.name === "keep" || node.name === "include" || (isReject(node) && !isForGood(node))) return false;
    return keepsRefusals(node.block ?? []);
  });
}

/** Whether a block does nothing else; `isKept`: where the script goes on, it keeps refusals. */
export function refusesForGood(block: readonly CommandNode[], isKept: boolean): boolean {
  const rejects = block.filter(isReject);
  if (rejects.length === 0 || !rejects.every(isForGood) || !block.every((node) => isReject(node) || node.name === "stop")) return false;
  const stop = block.findIndex(({ name }) => name === "stop");
  return isKept || (stop !== -1 && block.slice(0, stop).some(isReject));
}

/** Whether the test at this place of a list makes the whole true when it is itself. */
export function decides({ name, tests }: TestNode, at: number): boolean {
  return name === "if" || name === "elsif" || name === "anyof" || (name === "allof" && at === tests.length - 1);
}

/** Who is to hear of doubts. */
export function doubtsOf({ keepsRefusals, leadsToRefusal }: ScriptContext): (run: ScriptRun) => OnDoubt | undefined {
  return ({ surroundings: { onDoubt }, action }) => {
    if (onDoubt === undefined || (keepsRefusals && action.kind === "reject")) return undefined;
    return leadsToRefusal ? (doubt) => doubt.pull === 1 || onDoubt(doubt) : onDoubt;
  };
}

function isReject({ name }: CommandNode): boolean {
  return name === "reject" || name === "ereject";
}

/** By what it begins with: variables come later, if any. */
function isForGood({ arguments: [reason] }: CommandNode): boolean {
  return reason?.kind === "text" && /^\s*(?:5\d\d\s|5\.\d|[a-z])/i.test(reason.value);
}
