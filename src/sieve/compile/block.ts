/** Commands and tests as parsed to code: found in their tables, bound, compiled, counted and traced. */

import { replaceRun } from "../../answer/code.ts";
import { commands } from "../commands/commands.ts";
import { inTurns, type ScriptRun, spend, trace, traced } from "../run/script-run.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import { tests } from "../tests/tests.ts";
import { type BlockContext, bind } from "./bind.ts";
import type { Arguments, BeginningRecord, ScriptContext, TestRecord } from "./definition.ts";
import { unknownCommand, unknownTest } from "./hints.ts";
import { decides, refusesForGood } from "./refusals.ts";
import type { CommandCode, TestCode } from "./script-code.ts";
import { constantText } from "./script-text.ts";

/** A whole script, or the block of a command within it. What has an error is left out: it was reported, and the script will not run. */
export function compileBlock(nodes: readonly CommandNode[], context: BlockContext, isWhole = false): CommandCode[] {
  let isBegun = !isWhole;
  return chains(nodes).flatMap((chain) => {
    const [{ name, offset }] = chain;
    if (name !== "require") isBegun = true;
    else if (isBegun) context.error(offset, '"require" must come before all other commands. Put it at the top of the script.');
    return compileChain(chain, context) ?? [];
  });
}

/** A command with those that continue it. */
type CommandChain = [CommandNode, ...CommandNode[]];

function chains(nodes: readonly CommandNode[]): CommandChain[] {
  const found: CommandChain[] = [];
  for (const node of nodes) {
    const last = found.at(-1);
    if (last && commands.get(node.name)?.continues === last[0].name) last.push(node);
    else found.push([node]);
  }
  return found;
}

function compileChain(chain: CommandChain, context: BlockContext): CommandCode | undefined {
  const [node] = chain;
  const record = commands.get(node.name);
  if (record?.continues !== undefined) {
    context.error(node.offset, `"${node.name}" has no "${record.continues}" before it. It follows the block of an if or elsif.`);
    if (node.block) compileBlock(node.block, context);
    return undefined;
  }
  const bound: (Arguments | undefined)[] = [];
  let within = context;
  for (const each of chain) {
    const args = bindCommand(each, within);
    if (args || !within.mayLackWords) bound.push(args);
    if (args?.tests[0]?.constant === true) within = closedOff(context);
  }
  const [args, ...continued] = bound.filter((each) => each !== undefined);
  if (!record || !args || continued.length < bound.length - 1 || context.mayLackWords) return undefined;
  const command = record.compile(args, context, continued);
  return command && counted(command, node, record, context);
}

/**
 * For what `ihave` closes off: it does not run, and the words of an extension that does not exist are not reported (RFC 5463 section 4).
 * The arguments of all others are.
 */
function closedOff(context: BlockContext): BlockContext {
  const read: BlockContext["read"] = ({ value, offset }) => ({ ...constantText(value), written: value, offset });
  return { ...context, mayLackWords: true, needs: () => {}, read };
}

/** `undefined`: an error was reported. */
function bindCommand(node: CommandNode, context: BlockContext): Arguments | undefined {
  const record = commands.get(node.name);
  if (!record && !node.isBroken && !context.mayLackWords) context.error(node.offset, unknownCommand(node.name));
  const compiled = record ? compileTests(node, record, contextOfTests(node, context)) : [];
  const isClosedOff = compiled.some(({ constant }) => constant === false);
  const inner = isClosedOff ? closedOff(context) : record?.isLoop ? { ...context, isInLoop: true } : context;
  const block = node.block && compileBlock(node.block, inner);
  // A test that was reported may have swallowed what begins the block.
  const isSpoiled = node.isBroken || (record?.tests && node.tests.length > 0 && compiled.length === 0 && !node.block);
  return record && !isSpoiled ? bind(node, record, context, { tests: compiled, block }) : undefined;
}

function contextOfTests({ block = [] }: CommandNode, context: BlockContext): BlockContext {
  return refusesForGood(block, context.keepsRefusals) ? { ...context, leadsToRefusal: true } : context;
}

function compileTests(
  node: TestNode,
  { tests: takes, settledBy }: Pick<TestRecord, "tests" | "settledBy">,
  context: BlockContext,
): TestCode[] {
  const compiled: TestCode[] = [];
  let within = context;
  // Otherwise there should be none, which is what is reported.
  for (const [at, test] of (takes ? node.tests : []).entries()) {
    const one = compileTest(test, within.leadsToRefusal && !decides(node, at) ? { ...within, leadsToRefusal: false } : within);
    if (one) compiled.push(one);
    if (one?.constant !== undefined && one.constant === settledBy) within = closedOff(context);
  }
  return compiled;
}

function compileTest(node: TestNode, context: BlockContext): TestCode | undefined {
  const record = tests.get(node.name);
  if (!record) {
    if (!context.mayLackWords) context.error(node.offset, unknownTest(node.name));
    return undefined;
  }
  const args = bind(node, record, context, { tests: compileTests(node, record, context), block: undefined });
  const test = context.mayLackWords ? undefined : args && record.compile(args, context);
  return test && countedTest(test, node, context);
}

/** Each is one instruction, is known as the place of a failure, and is traced. */
function counted(
  command: CommandCode,
  { name, offset }: CommandNode,
  { tracesItself }: BeginningRecord,
  context: ScriptContext,
): CommandCode {
  const { script } = context;
  const line = context.line(offset);
  const inner = command.run;
  const report = (run: ScriptRun) => trace(run, line, name, run.answer);
  return inTurns((run) => {
    run.script = script;
    run.offset = offset;
    run.answer = "";
    spend(run, 1);
    return tracesItself ? inner(run) : traced(inner(run), run, report);
  });
}

function countedTest(test: TestCode, { name, offset }: TestNode, context: ScriptContext): TestCode {
  const line = context.line(offset);
  const inner = test.run;
  const report = (run: ScriptRun, truth: boolean) => trace(run, line, name, truth);
  const counted = (run: ScriptRun) => {
    spend(run, 1);
    return traced(inner(run), run, report);
  };
  return test.constant === undefined ? inTurns(counted) : replaceRun(test, counted);
}
