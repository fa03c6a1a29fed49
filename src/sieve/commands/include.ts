/** `include`, `return` and `global` (RFC 6609). `:personal` and `:global` both mean the scripts of the configuration. */
import { after } from "../../answer/answer.ts";
import { shorten } from "../../text/shorten.ts";
import type { CommandRecord, Included } from "../compile/definition.ts";
import { next, type Signal } from "../compile/script-code.ts";
import { costOf, ScriptFault, type ScriptRun, spend } from "../run/script-run.ts";

export const includeRecord: CommandRecord = {
  name: "include",
  capability: "include",
  tags: [{ name: "personal", group: "location" }, { name: "global", group: "location" }, { name: "once" }, { name: "optional" }],
  positions: [{ name: "name of a script", type: "text" }],
  compile(args, context) {
    const { constant: name, offset } = args.text(0);
    if (name === undefined) {
      context.error(offset, "which script is included must be known at load. Write its name without variables.");
      return undefined;
    }
    const once = args.tag("once") !== undefined;
    const included = context.include(name, offset, once);
    if (included === "missing") {
      if (args.tag("optional")) return next;
      context.error(offset, `there is no script "${shorten(name)}". Add it to [sieve.trusted.scripts], or include it :optional.`);
      return undefined;
    }
    if (!included) return undefined;
    const deepest = context.vocabulary.limits.nestedIncludes;
    return {
      waits: true,
      run: (run) => {
        // The first that includes another one is the script itself.
        run.included ??= new Set([run.script.toLowerCase()]);
        if (once && run.included.has(included.name)) return "next";
        const leave = enter(run, included, deepest);
        return after(included.body.run(run), leave);
      },
    };
  },
};

/** Its variables and matches are its own. */
function enter(run: ScriptRun, { name, locals }: Included, deepest: number): (signal: Signal) => Signal {
  const { locals: outer, matches, script, offset } = run;
  spend(run, costOf(locals));
  // How deep scripts go that include one another once is known only now.
  if (run.includes === deepest) throw new ScriptFault("includes are nested deeper than sieve.trusted.limits.nested-includes allows");
  run.includes += 1;
  run.included?.add(name);
  run.locals = new Array(locals);
  run.matches = [];
  return (signal) => {
    run.includes -= 1;
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
  compile(args, context) {
    context.needs("variables", args.node.offset, '"global"');
    for (const name of args.texts(0)) context.shareGlobally(name);
    return next;
  },
};
