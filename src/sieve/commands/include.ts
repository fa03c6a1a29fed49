/** `include`, `return` and `global` (RFC 6609). `:personal` and `:global` both mean the scripts of the configuration. */
import { shortened } from "../../expr/token.ts";
import type { CommandRecord, Included } from "../compile/definition.ts";
import { costOf, type Run, type Signal, spend } from "../compile/script-code.ts";
import { takeBreath } from "../run/yield-to-loop.ts";

export const includeRecord: CommandRecord = {
  name: "include",
  capability: "include",
  tags: [{ name: "personal", group: "location" }, { name: "global", group: "location" }, { name: "once" }, { name: "optional" }],
  positions: [{ name: "name of a script", type: "text" }],
  compile(given, context) {
    const { constant: name, offset } = given.text(0);
    if (name === undefined) {
      context.error(offset, "which script is included must be known at load. Write its name without variables.");
      return undefined;
    }
    const included = context.include(name, offset);
    if (included === "missing") {
      if (given.tag("optional")) return { waits: false, run: () => "next" };
      context.error(offset, `there is no script "${shortened(name)}". Add it to [sieve.trusted.scripts], or include it :optional.`);
      return undefined;
    }
    if (!included) return undefined;
    const once = given.tag("once") !== undefined;
    const { body } = included;
    return {
      waits: true,
      *steps(run) {
        if (once && run.included?.has(included.name)) return "next";
        yield* takeBreath(run);
        const leave = enter(run, included);
        return leave(body.waits ? yield* body.steps(run) : body.run(run));
      },
    };
  },
};

/** Its variables and matches are its own. */
function enter(run: Run, { name, locals }: Included): (signal: Signal) => Signal {
  const { locals: outer, matches, script, offset } = run;
  spend(run, costOf(locals));
  run.included ??= new Set();
  run.included.add(name);
  run.locals = new Array(locals);
  run.matches = [];
  return (signal) => {
    run.locals = outer;
    run.matches = matches;
    run.script = script;
    run.offset = offset;
    run.answer = name;
    return signal === "stop" ? "stop" : "next";
  };
}

export const returnRecord: CommandRecord = {
  name: "return",
  capability: "include",
  compile: () => ({ waits: false, run: () => "return" }),
};

export const globalRecord: CommandRecord = {
  name: "global",
  capability: "include",
  positions: [{ name: "list of names", type: "texts" }],
  compile(given, context) {
    for (const name of given.texts(0)) context.shareGlobally(name);
    return { waits: false, run: () => "next" };
  },
};
