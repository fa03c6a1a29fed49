/** `set [modifiers] "name" "value"` (RFC 5229 section 4), for variables and for parts of the envelope. */

import { shorten } from "../../text/shorten.ts";
import type { Arguments, CommandRecord, ScriptContext, TagRecord, TextArgument } from "../compile/definition.ts";
import { cutAt } from "../compile/script-variables.ts";
import { isImpossible } from "../run/envelope-parts.ts";
import { costOf, type ScriptRun, spend } from "../run/script-run.ts";
import { type Modifier, modifiers, replaceAll } from "./set-modifier.ts";

const tags: readonly TagRecord[] = [
  { name: "replace", takes: "text", takesTwo: true },
  ...modifiers.map(({ name, precedence, capability }) => ({
    name,
    group: `precedence ${precedence}`,
    ...(capability === undefined ? {} : { capability }),
  })),
];

export const setRecord: CommandRecord = {
  name: "set",
  capability: "variables",
  tags,
  positions: [
    { name: "name", type: "text", isAssigned: true },
    { name: "value", type: "text" },
  ],
  compile(args, context) {
    const target = context.target(args.text(0));
    const value = args.text(1);
    const room = context.vocabulary.limits.variableSize;
    const replace = replacement(args, room);
    const chosen = modifiers.filter(({ name }) => args.tag(name));
    if (!target) return undefined;
    const assign = (run: ScriptRun, text: string): "next" => {
      run.answer = text;
      target(run, text);
      return "next";
    };
    if (value.constant !== undefined && !replace) {
      const constant = modified(value.constant, chosen);
      warnOfAddress(args.text(0), constant, context, value.offset);
      return { waits: false, run: (run) => assign(run, constant) };
    }
    return {
      waits: false,
      run: (run) => {
        // What would be cut in the end is not worth the time that modifiers take.
        const text = cutAt(value.of(run), room);
        return assign(run, modified(replace ? replace(run, text) : text, chosen, run));
      },
    };
  },
};

/** What the envelope does not take is ignored when the script runs. */
function warnOfAddress({ constant: name = "" }: TextArgument, text: string, { warn }: ScriptContext, offset: number): void {
  const part = name.toLowerCase();
  if (part !== "envelope.from" && part !== "envelope.to") return;
  if (!isImpossible(part === "envelope.to" ? "to" : "from", text)) return;
  const mend = part === "envelope.to" ? "" : ', or "" for the null sender';
  warn(offset, `"${shorten(text)}" is not an address, so this changes nothing. Write one as john@example.org${mend}.`);
}

function replacement(args: Arguments, longest: number): ((run: ScriptRun, text: string) => string) | undefined {
  const tag = args.tag("replace");
  if (!tag) return undefined;
  const from = tag.text(0);
  const to = tag.text(1);
  return (run, text) => {
    const replaced = replaceAll(text, from.of(run), to.of(run), longest);
    spend(run, costOf(text.length + replaced.length));
    return replaced;
  };
}

function modified(text: string, chosen: readonly Modifier[], run?: ScriptRun): string {
  let value = text;
  for (const { apply } of chosen) {
    value = apply(value);
    if (run) spend(run, costOf(value.length));
  }
  return value;
}
