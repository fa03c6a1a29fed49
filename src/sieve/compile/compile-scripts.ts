/** The way in: a script, with those that it includes, to what is run. */

import { type Places, placesIn } from "../../text/place.ts";
import { shorten } from "../../text/shorten.ts";
import { type CompiledScript, runScript } from "../run/run-script.ts";
import type { EnvelopePart, Script, ScriptProblem, ScriptStatement, ScriptVocabulary } from "../script.ts";
import { parseScript } from "../syntax/parser.ts";
import type { CommandNode, TestNode } from "../syntax/syntax-tree.ts";
import { assignedVariables } from "./assigned-variables.ts";
import { compileBlock } from "./block.ts";
import type { Included, ScriptContext } from "./definition.ts";
import { collectProblems, type Problems, tooManyProblems } from "./problems.ts";
import { keepsRefusals } from "./refusals.ts";
import { next, sequence } from "./script-code.ts";
import { contextOf } from "./script-context.ts";
import { createScope, type Globals } from "./script-variables.ts";

/** `script` is undefined if any of the problems is an error. Problems of included scripts are among them. */
export function compileScript(
  name: string,
  source: string,
  vocabulary: ScriptVocabulary,
): { readonly script: Script | undefined; readonly problems: readonly ScriptProblem[] } {
  const compiling: Compiling = {
    vocabulary,
    problems: collectProblems(),
    places: new Map(),
    globals: new Map(),
    sets: new Set(),
    reads: new Set(),
    doubts: new Set(),
    keepsRefusals: false,
    statements: [],
    done: new Map(),
    open: [],
  };
  const { problems, places, globals, sets, reads, doubts, statements } = compiling;
  const included = compiledOrGivenUp(name, source, compiling);
  const list = problems.list();
  if (!included || problems.hasErrors()) return { script: undefined, problems: list };
  const { body, locals } = included;
  const compiled: CompiledScript = { name, body, locals, globals: globals.size, instructions: vocabulary.limits.instructions, places };
  return {
    script: {
      ...{ name, statements, sets, reads, doubts, keepsRefusals: compiling.keepsRefusals },
      run: (surroundings) => runScript(compiled, surroundings),
    },
    problems: list,
  };
}

function compiledOrGivenUp(name: string, source: string, compiling: Compiling): Included | undefined {
  try {
    return compileOne(name, source, compiling).included;
  } catch (error) {
    if (error === tooManyProblems) return undefined;
    throw error;
  }
}

/** What the scripts of one compile have in common. */
interface Compiling {
  readonly vocabulary: ScriptVocabulary;
  readonly problems: Problems;
  readonly places: Map<string, Places>;
  readonly globals: Globals;
  readonly sets: Set<EnvelopePart>;
  /** Items of the environment. */
  readonly reads: Set<string>;
  readonly doubts: Set<string>;
  keepsRefusals: boolean;
  readonly statements: ScriptStatement[];
  /** By name in lower case. */
  readonly done: Map<string, Done>;
  /** The script that is being compiled, after those that include it. */
  readonly open: { readonly included: Included; readonly depth: number }[];
}

interface Done {
  readonly included: Included;
  /** Of the longest chain of scripts that begins with it. */
  readonly height: number;
  /** Of all blocks and tests within one another. */
  readonly depth: number;
}

function compileOne(script: string, source: string, compiling: Compiling): Done {
  const { vocabulary, problems, statements, open } = compiling;
  const { limits } = vocabulary;
  const name = script.toLowerCase();
  const places = placesIn(source);
  compiling.places.set(script, places);
  const report = (offset: number, message: string): void => problems.report("error", script, places, offset, message);
  const isTooLong = source.length * 3 > limits.scriptSize && Buffer.byteLength(source) > limits.scriptSize;
  if (isTooLong) report(0, `it is longer than sieve.trusted.limits.script-size allows (${limits.scriptSize} octets).`);
  const nodes = isTooLong ? [] : parseScript(source, limits, report);
  const scope = createScope(vocabulary, compiling.globals, assignedVariables(nodes), compiling);
  const own = depthOf(nodes);
  let height = 1;
  let depth = own;
  const include: ScriptContext["include"] = (written, offset, once) => {
    const found = compileIncluded(written, once, compiling, (message) => report(offset, message));
    if (found === undefined || found === "missing") return found;
    height = Math.max(height, 1 + found.height);
    depth = Math.max(depth, own + found.depth);
    return found.included;
  };
  const included: Included = { name, body: next, locals: 0 };
  // Those that include it have a part of the stack already.
  if (open.reduce((sum, outer) => sum + outer.depth, own) > deepest) return { included, height, depth };
  open.push({ included, depth: own });
  // What comes after an include is not known here.
  const isKept = open.length === 1 && keepsRefusals(nodes);
  if (open.length === 1) compiling.keepsRefusals = isKept;
  const context = contextOf({
    ...{ script, source, places, scope, vocabulary, problems, statements, include },
    keepsRefusals: isKept,
  });
  const commands = compileBlock(nodes, context, true);
  open.pop();
  included.body = sequence(commands);
  included.locals = scope.size();
  return { included, height, depth };
}

function compileIncluded(
  written: string,
  once: boolean,
  compiling: Compiling,
  fail: (message: string) => void,
): Done | "missing" | undefined {
  const { vocabulary, done, open } = compiling;
  const name = written.toLowerCase();
  const ring = open.slice(open.findIndex(({ included }) => included.name === name));
  const [first] = ring;
  if (first?.included.name === name) {
    // Whether it was included already is known when it runs.
    if (once) return { included: first.included, height: 0, depth: 0 };
    const names = [...ring.map(({ included }) => included.name), name];
    fail(`the script "${shorten(name)}" includes itself: ${names.join(" includes ")}.`);
    return undefined;
  }
  const known = done.get(name);
  const most = vocabulary.limits.nestedIncludes;
  if (open.length + (known?.height ?? 1) - 1 > most) {
    fail(`includes are nested deeper than sieve.trusted.limits.nested-includes allows (${most}).`);
    return undefined;
  }
  const source = known ? "" : vocabulary.source(name);
  if (source === undefined) return "missing";
  const above = open.reduce((depth, outer) => depth + outer.depth, 0);
  const found = known ?? compileOne(name, source, compiling);
  done.set(name, found);
  if (above + found.depth <= deepest) return found;
  fail(`the scripts that include one another have blocks and tests nested deeper than ${deepest} together. Make them flatter.`);
  return undefined;
}

/** Blocks and tests within one another, over all scripts that include one another: a deeper nesting might exhaust the stack. */
const deepest = 1000;

function depthOf(commands: readonly CommandNode[]): number {
  let depth = 0;
  for (const command of commands) depth = Math.max(depth, 1 + depthOf(command.block ?? []), depthOfTest(command));
  return depth;
}

function depthOfTest({ tests }: TestNode): number {
  let depth = 0;
  for (const test of tests) depth = Math.max(depth, depthOfTest(test));
  return 1 + depth;
}
