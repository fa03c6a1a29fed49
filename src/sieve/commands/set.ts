/** `set [modifiers] "name" "value"` (RFC 5229 section 4), for variables and for parts of the envelope. */

import type { CommandRecord, Given, TagRecord } from "../compile/definition.ts";
import { costOf, type Run, spend } from "../compile/script-code.ts";
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
    { name: "name", type: "text" },
    { name: "value", type: "text" },
  ],
  compile(given, context) {
    const target = context.target(given.text(0));
    const value = given.text(1);
    const replace = replacement(given, context.vocabulary.limits.variableSize);
    const chosen = modifiers.filter(({ name }) => given.tag(name));
    if (!target) return undefined;
    const assign = (run: Run, text: string): "next" => {
      target(run, text);
      run.answer = text;
      return "next";
    };
    if (value.constant !== undefined && !replace) {
      const constant = modified(value.constant, chosen);
      return { waits: false, run: (run) => assign(run, constant) };
    }
    return {
      waits: false,
      run: (run) => {
        const text = value.of(run);
        return assign(run, modified(replace ? replace(run, text) : text, chosen, run));
      },
    };
  },
};

function replacement(given: Given, longest: number): ((run: Run, text: string) => string) | undefined {
  const tag = given.tag("replace");
  if (!tag) return undefined;
  const from = tag.text(0);
  const to = tag.text(1);
  return (run, text) => {
    const replaced = replaceAll(text, from.of(run), to.of(run), longest);
    spend(run, costOf(text.length + replaced.length));
    return replaced;
  };
}

function modified(text: string, chosen: readonly Modifier[], run?: Run): string {
  let value = text;
  for (const { apply } of chosen) {
    value = apply(value);
    if (run) spend(run, costOf(value.length));
  }
  return value;
}
