/** The variables of one script (RFC 5229), resolved to slots when it is compiled; those that scripts share (RFC 6609 3.4). */

import { toText, type Value } from "../../expr/value.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import { envelopePart, setEnvelope } from "../run/envelope-parts.ts";
import type { ScriptRun } from "../run/script-run.ts";
import { type EnvelopePart, envelopeParts, type ScriptVocabulary } from "../script.ts";
import type { Target } from "./definition.ts";

export type VariableReader = (run: ScriptRun) => Value;

/** What is wrong with a name, to be reported at its place. */
export interface NameProblem {
  readonly problem: string;
}

export type ScopeVariables = Pick<ReadonlyMap<string, VariableReader>, "get" | "keys">;

/** The names of global variables of all scripts of one compile, by slot. */
export type Globals = Map<string, number>;

export interface ScriptScope {
  /** What an expression may name, in lower case: a plain variable must be set somewhere in the script. */
  readonly variables: ScopeVariables;
  /** Slots in use. */
  readonly size: () => number;
  /** For `${name}` in a string: a plain variable need not have been set. The name is one of the grammar, as written. */
  reader(name: string): VariableReader | NameProblem;
  /** As that of the context. */
  readsItem(item: string, mayPrevent?: boolean): void;
  /** A warning about a plain variable that is always empty, as the script never sets it. */
  neverSet(name: string): string | undefined;
  /** For `set` and `let`. */
  target(name: string): Target | NameProblem;
  shareGlobally(name: string): NameProblem | undefined;
}

const plainName = /^[a-z_][a-z0-9_]*$/;
/** What other servers know. */
const unbuilt: ReadonlySet<string> = new Set(["asn", "country"]);

/** What a script, or those that it includes, uses of its surroundings; collected. */
interface Uses {
  readonly sets: Set<EnvelopePart>;
  /** Items of the environment. */
  readonly reads: Set<string>;
  /** Those of them of which another value might prevent a refusal. */
  readonly doubts: Set<string>;
}

/** `assigned`: names that the script sets anywhere, as it may read in a loop what it sets further down. */
export function createScope(
  { environment, limits }: ScriptVocabulary,
  globals: Globals,
  assigned: ReadonlySet<string>,
  { sets, reads, doubts }: Uses,
): ScriptScope {
  const variables = new Map<string, VariableReader>();
  const locals = new Map<string, number>();
  const shared = new Set<string>();
  for (const item of environment) variables.set(`env.${item}`, environmentReader(item));
  for (const part of envelopeParts)
    for (const name of spellings(part)) variables.set(`envelope.${name}`, (run) => run.envelope[part] ?? "");

  const find = (name: string): VariableReader | undefined => {
    const known = variables.get(name);
    const item = inNamespace(name, "env");
    if (known !== undefined && item !== undefined) reads.add(item);
    return known;
  };

  const slotIn = (slots: Map<string, number>, name: string): number | NameProblem => {
    const known = slots.get(name);
    if (known !== undefined) return known;
    if (name.length > limits.variableName) {
      return {
        problem: `the name "${shorten(name)}" is longer than sieve.trusted.limits.variable-name allows (${limits.variableName}).`,
      };
    }
    if (slots.size >= limits.variables) {
      return { problem: `there are more variables than sieve.trusted.limits.variables allows (${limits.variables}).` };
    }
    slots.set(name, slots.size);
    return slots.size - 1;
  };

  /** `undefined`: it is in no such namespace. */
  const global = (name: string): string | undefined => (shared.has(name) ? name : inNamespace(name, "global"));

  const slotOf = (name: string): { readonly slot: number; readonly isGlobal: boolean } | NameProblem => {
    const globalName = global(name);
    const plain = globalName ?? name;
    if (!plainName.test(plain)) return { problem: unknownName(name) };
    const slot = slotIn(globalName === undefined ? locals : globals, plain);
    return typeof slot === "number" ? { slot, isGlobal: globalName !== undefined } : slot;
  };

  const reader = (written: string): VariableReader | NameProblem => {
    const name = written.toLowerCase();
    const known = find(name);
    const item = inNamespace(name, "env");
    if (known && item !== undefined) doubts.add(item);
    if (known) return known;
    if (item !== undefined) return { problem: unknownItem(item, environment) };
    const part = inNamespace(name, "envelope");
    if (part !== undefined) return { problem: unknownPart(part) };
    const found = slotOf(name);
    if ("problem" in found) return found;
    const { slot, isGlobal } = found;
    return isGlobal ? (run) => run.globals[slot] ?? "" : (run) => run.locals[slot] ?? "";
  };

  return {
    variables: {
      get: (name) => {
        const known = find(name);
        if (known || !(assigned.has(name) || globals.has(inNamespace(name, "global") ?? ""))) return known;
        const found = reader(name);
        return typeof found === "function" ? found : undefined;
      },
      keys: () => new Set([...variables.keys(), ...assigned]).values(),
    },
    size: () => locals.size,
    reader,
    readsItem: (item, mayPrevent = true) => {
      reads.add(item);
      if (mayPrevent) doubts.add(item);
    },
    neverSet: (written) => {
      const name = written.toLowerCase();
      if (name.includes(".") || assigned.has(name) || shared.has(name)) return undefined;
      return `the variable "${shorten(name)}" is always empty: this script never sets it.${didYouMean(name, assigned)}`;
    },
    target: (written) => {
      const name = written.toLowerCase();
      const part = inNamespace(name, "envelope");
      if (part !== undefined) return envelopeTarget(part, sets);
      if (inNamespace(name, "env") !== undefined) return { problem: `"${shorten(written)}" cannot be set: the environment is only read.` };
      if (/^\d+$/.test(name))
        return { problem: `"${shorten(written)}" is a match variable, which :matches and :regex set. Choose a name.` };
      const found = slotOf(name);
      if ("problem" in found) return found;
      const declared = reader(name);
      if (typeof declared === "function") variables.set(name, declared);
      const { slot, isGlobal } = found;
      const keep = (value: Value): Value => (typeof value === "string" ? cutAt(value, limits.variableSize) : value);
      return isGlobal
        ? (run, value) => {
            run.globals[slot] = keep(value);
          }
        : (run, value) => {
            run.locals[slot] = keep(value);
          };
    },
    shareGlobally: (written) => {
      const name = written.toLowerCase();
      if (!plainName.test(name)) return { problem: `"${shorten(written)}" is not the name of a variable. ${nameRule}` };
      if (locals.has(name)) return { problem: `"${name}" is a local variable already. Write global "${name}" before its first use.` };
      const slot = slotIn(globals, name);
      if (typeof slot !== "number") return slot;
      shared.add(name);
      const read: VariableReader = (run) => run.globals[slot] ?? "";
      variables.set(name, read).set(`global.${name}`, read);
      return undefined;
    },
  };
}

const nameRule = "A name is letters, digits and underscores, and does not begin with a digit.";

function inNamespace(name: string, namespace: string): string | undefined {
  return name.startsWith(`${namespace}.`) ? name.slice(namespace.length + 1) : undefined;
}

function environmentReader(item: string): VariableReader {
  return (run) => run.surroundings.environment(item) ?? "";
}

/** `bymode` is `by_mode`, too. */
function spellings(part: string): string[] {
  return part.startsWith("by") ? [part, part.replace(/^by(time)?/, (_, time) => (time ? "by_time_" : "by_"))] : [part];
}

function envelopeTarget(name: string, sets: Set<EnvelopePart>): Target | NameProblem {
  const part = envelopePart(name);
  if (part === undefined) return { problem: unknownPart(name) };
  sets.add(part);
  return (run, value) => setEnvelope(run, part, toText(value));
}

function unknownItem(item: string, environment: ReadonlySet<string>): string {
  if (unbuilt.has(item)) return `"env.${item}" is not known to this version.`;
  return `unknown environment item "env.${shorten(item)}".${meant("env", item, environment)}`;
}

function unknownPart(part: string): string {
  return `unknown part of the envelope "envelope.${shorten(part)}".${meant("envelope", part, envelopeParts)}`;
}

function meant(namespace: string, name: string, known: Iterable<string>): string {
  const mend = didYouMean(name, known);
  return mend === "" ? ` Known are ${[...known].join(", ")}.` : mend.replace('"', `"${namespace}.`);
}

function unknownName(name: string): string {
  const dot = name.indexOf(".");
  if (dot < 0) return `"${shorten(name)}" is not the name of a variable. ${nameRule}`;
  const namespace = name.slice(0, dot);
  const known = ["env", "envelope", "global"];
  if (known.includes(namespace)) return `"${shorten(name.slice(dot + 1))}" is not the name of a variable. ${nameRule}`;
  return `unknown namespace "${shorten(namespace)}".${didYouMean(namespace, known) || " Known are env, envelope and global."}`;
}

/** What a variable keeps of a text. RFC 5229 section 6: no error. */
export function cutAt(text: string, characters: number): string {
  return text.length > characters ? text.slice(0, characters).toWellFormed() : text;
}
