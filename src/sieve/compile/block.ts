/** Commands and tests as parsed to closures: found in their tables, bound, compiled, and put together so that only those wait that must. */

import { commands } from "../commands/commands.ts";
import { type Branch, chain, elseForm, ifForm } from "../commands/if.ts";
import type { CommandNode, TestNode, TextNode } from "../syntax/syntax-tree.ts";
import { tests } from "../tests/tests.ts";
import { bind, type Form } from "./bind.ts";
import type { CommandRecord, Context, GivenText } from "./definition.ts";
import { unknownCommand, unknownTest } from "./hints.ts";
import { type Command, type Run, report, type Signal, spend, type Test } from "./script-code.ts";
import { sequence } from "./sequence.ts";

/** What is compiled for the records does not concern them. */
export interface Scripting extends Context {
  read(text: TextNode, isExpression?: true): GivenText;
  misplacedRequire(offset: number): void;
}

/** A whole script, or the block of a command within it. What has an error is left out: it was reported, and the script will not run. */
export function compileBlock(nodes: readonly CommandNode[], context: Scripting, isWhole: boolean): Command[] {
  const compiled: Command[] = [];
  let isBegun = !isWhole;
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at];
    if (!node) break;
    if (node.name === "if") {
      let last = at + 1;
      while (isContinuation(nodes[last])) last += 1;
      const command = compileIf(nodes.slice(at, last), context);
      if (command) compiled.push(command);
      at = last - 1;
    } else if (isContinuation(node)) {
      context.error(node.offset, `"${node.name}" has no "if" before it. It follows the block of an if or elsif.`);
      if (node.block) compileBlock(node.block, context, false);
    } else {
      if (node.name === "require" && isBegun) context.misplacedRequire(node.offset);
      const command = compileCommand(node, context);
      if (command) compiled.push(command);
    }
    if (node.name !== "require") isBegun = true;
  }
  return compiled;
}

function isContinuation(node: CommandNode | undefined): boolean {
  return node?.name === "elsif" || node?.name === "else";
}

function compileCommand(node: CommandNode, context: Scripting): Command | undefined {
  const record = commands.get(node.name);
  if (!record && !node.isBroken) context.error(node.offset, unknownCommand(node.name, commands.keys(), tests));
  const block = node.block && compileBlock(node.block, record?.isLoop ? { ...context, isInLoop: true } : context, false);
  if (!record || node.isBroken) return undefined;
  const given = bind(node, record, context, context.read, { tests: compileTests(node, record, context), block });
  const command = given && record.compile(given, context);
  return command && counted(command, node, record, context);
}

function compileTests(node: TestNode, form: Form & { readonly settledBy?: boolean }, context: Scripting): Test[] {
  const compiled: Test[] = [];
  // Otherwise there should be none, which is what is reported.
  for (const test of form.tests ? node.tests : []) {
    const one = compileTest(test, context);
    if (one) compiled.push(one);
    if (one?.always !== undefined && one.always === form.settledBy) break;
  }
  return compiled;
}

function compileTest(node: TestNode, context: Scripting): Test | undefined {
  const record = tests.get(node.name);
  if (!record) {
    context.error(node.offset, unknownTest(node.name, tests.keys(), commands));
    return undefined;
  }
  const given = bind(node, record, context, context.read, { tests: compileTests(node, record, context), block: undefined });
  const test = given && record.compile(given, context);
  return test && countedTest(test, node, context);
}

/** Branches that `ihave` closes are left out, with the errors that they may have. */
function compileIf(nodes: readonly CommandNode[], context: Scripting): Command | undefined {
  const branches: Branch[] = [];
  let otherwise: Command | undefined;
  let isClosed = false;
  let isComplete = true;
  for (const [index, node] of nodes.entries()) {
    if (isClosed) break;
    const before = nodes[index - 1];
    if (before?.name === "else" && !isElseIf(before))
      context.error(node.offset, `"${node.name}" stands behind an "else". Put it before, or begin a new if.`);
    const form = node.name === "else" ? elseForm : ifForm;
    const [test] = compileTests(node, form, context);
    const isOpen = test?.always !== false;
    const block = isOpen && node.block ? compileBlock(node.block, context, false) : [];
    if (isElseIf(node)) context.error(node.offset, '"else if" is one word here. Write elsif.');
    // A test that was told of may have swallowed what begins the block.
    const isSpoiled = node.isBroken || isElseIf(node) || (form.tests && node.tests.length > 0 && !test && !node.block);
    const given = isSpoiled ? undefined : bind(node, { ...form, name: node.name }, context, context.read, { tests: [], block });
    const line = context.line(node.offset);
    if (!given) isComplete = false;
    else if (node.name === "else") otherwise = sequence(block);
    else if (!test) isComplete = false;
    else if (isOpen) branches.push({ what: node.name, line, offset: node.offset, test, body: sequence(block) });
    isClosed = test?.always === true;
  }
  return isComplete ? chain(branches, context.script, otherwise) : undefined;
}

function isElseIf({ name, tests: [test] }: CommandNode): boolean {
  return name === "else" && test?.name === "if";
}

/** Each is one instruction, is known as the place of a failure, and is reported to a trace. */
function counted(command: Command, { name, offset }: CommandNode, { reportsItself }: CommandRecord, context: Context): Command {
  const { script } = context;
  const line = context.line(offset);
  const begin = (run: Run): void => {
    run.script = script;
    run.offset = offset;
    run.answer = "";
    spend(run, 1);
  };
  const end = (run: Run, signal: Signal): Signal => {
    if (!reportsItself && run.surroundings.trace) report(run, line, name, run.answer);
    return signal;
  };
  if (!command.waits) {
    const inner = command.run;
    return {
      waits: false,
      run: (run) => {
        begin(run);
        return end(run, inner(run));
      },
    };
  }
  const inner = command.steps;
  return {
    waits: true,
    *steps(run) {
      begin(run);
      return end(run, yield* inner(run));
    },
  };
}

function countedTest(test: Test, { name, offset }: TestNode, context: Context): Test {
  const line = context.line(offset);
  const end = (run: Run, answer: boolean): boolean => {
    if (run.surroundings.trace) report(run, line, name, String(answer));
    return answer;
  };
  if (!test.waits) {
    const inner = test.run;
    return {
      waits: false,
      always: test.always,
      run: (run) => {
        spend(run, 1);
        return end(run, inner(run));
      },
    };
  }
  const inner = test.steps;
  return {
    waits: true,
    *steps(run) {
      spend(run, 1);
      return end(run, yield* inner(run));
    },
  };
}
