/** `if TEST {…} elsif TEST {…} else {…}` (RFC 5228 3.1): the first true test chooses. */
import { type Branch, choose, replaceRun } from "../../answer/code.ts";
import type { CommandRecord } from "../compile/definition.ts";
import { type CommandCode, next, type Signal, sequence } from "../compile/script-code.ts";
import { type ScriptRun, spend, trace, traced } from "../run/script-run.ts";

export const ifRecord: CommandRecord = {
  name: "if",
  tests: "one",
  hasBlock: true,
  tracesItself: true,
  compile(first, context, continued) {
    const branches: Branch<ScriptRun, boolean, Signal>[] = [];
    let otherwise: CommandCode | undefined;
    let isSettled = false;
    for (const args of [first, ...continued]) {
      const { name, offset } = args.node;
      if (otherwise) context.error(offset, `"${name}" comes after "else". Put it before, or begin a new if.`);
      const outcome = sequence(args.block ?? []);
      const [test] = args.tests;
      if (name === "else") otherwise = outcome;
      // What `ihave` closes off is left out.
      if (!test || test.constant === false || isSettled) continue;
      if (test.constant === true) isSettled = true;
      const line = context.line(offset);
      const report = (run: ScriptRun, truth: boolean) => trace(run, line, name, truth);
      const condition = replaceRun(test, (run) => {
        run.script = context.script;
        run.offset = offset;
        // That of the first is the command's own.
        if (args !== first) spend(run, 1);
        return traced(test.run(run), run, report);
      });
      branches.push({ condition, outcome });
    }
    return choose(branches, (truth) => truth, otherwise ?? next);
  },
};

export const elsifRecord: CommandRecord = { name: "elsif", continues: "if", tests: "one", hasBlock: true };
export const elseRecord: CommandRecord = { name: "else", continues: "if", hasBlock: true };
