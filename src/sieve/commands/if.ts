/** `if TEST {…} elsif TEST {…} else {…}` (RFC 5228 3.1): the first true test chooses. */
import type { Steps } from "../../answer/steps.ts";
import type { Form } from "../compile/bind.ts";
import { type Command, type Run, report, type Signal, spend, type Test } from "../compile/script-code.ts";

export const ifForm: Form = { name: "if", tests: "one", hasBlock: true };
export const elseForm: Form = { name: "else", hasBlock: true };

export interface Branch {
  /** `if` or `elsif`. */
  readonly what: string;
  readonly line: number;
  readonly offset: number;
  readonly test: Test;
  readonly body: Command;
}

export function chain(branches: readonly Branch[], script: string, otherwise: Command | undefined): Command {
  const ready = branches.flatMap((branch) => {
    const { test, body } = branch;
    return test.waits || body.waits ? [] : [{ branch, test: test.run, body: body.run }];
  });
  if (ready.length < branches.length || otherwise?.waits) {
    return { waits: true, steps: (run) => choose(branches, script, otherwise, run) };
  }
  const last = otherwise?.run;
  return {
    waits: false,
    run: (run) => {
      for (const { branch, test, body } of ready) {
        begin(run, script, branch);
        if (told(run, branch, test(run))) return body(run);
      }
      return last ? last(run) : "next";
    },
  };
}

function* choose(branches: readonly Branch[], script: string, otherwise: Command | undefined, run: Run): Steps<Signal> {
  for (const branch of branches) {
    const { test, body } = branch;
    begin(run, script, branch);
    const answer = test.waits ? yield* test.steps(run) : test.run(run);
    if (told(run, branch, answer)) return body.waits ? yield* body.steps(run) : body.run(run);
  }
  if (!otherwise) return "next";
  return otherwise.waits ? yield* otherwise.steps(run) : otherwise.run(run);
}

function begin(run: Run, script: string, { offset }: Branch): void {
  run.script = script;
  run.offset = offset;
  spend(run, 1);
}

function told(run: Run, { what, line }: Branch, answer: boolean): boolean {
  if (run.surroundings.trace) report(run, line, what, String(answer));
  return answer;
}
