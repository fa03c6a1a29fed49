/** What compiling one script knows: what it has required, how its strings are read, and where its problems go. */

import { variableOfSubject } from "../../expr/dns-list-functions.ts";
import type { Places } from "../../text/place.ts";
import type { ScriptStatement, ScriptVocabulary } from "../script.ts";
import { placeWithin } from "../syntax/syntax-tree.ts";
import type { BlockContext } from "./bind.ts";
import { alwaysThere, capabilities } from "./capabilities.ts";
import type { Problems } from "./problems.ts";
import { scriptVocabulary } from "./script-expressions.ts";
import { compileText, constantText, decodeCharacters, hasEncodedCharacter, hasReference } from "./script-text.ts";
import type { NameProblem, ScriptScope } from "./script-variables.ts";

/** `statements` collects. */
export interface ScriptSource {
  readonly script: string;
  readonly source: string;
  readonly places: Places;
  readonly scope: ScriptScope;
  readonly vocabulary: ScriptVocabulary;
  readonly problems: Problems;
  readonly statements: ScriptStatement[];
  readonly include: BlockContext["include"];
  readonly keepsRefusals: boolean;
}

export function contextOf({
  script,
  source,
  places,
  scope,
  vocabulary,
  problems,
  statements,
  include,
  keepsRefusals,
}: ScriptSource): BlockContext {
  const required = new Set(alwaysThere);
  const reported = new Set<string>();
  const error: BlockContext["error"] = (offset, message) => problems.report("error", script, places, offset, message);
  const warn: BlockContext["warn"] = (offset, message) => problems.report("warning", script, places, offset, message);
  const warnOnce: BlockContext["warnOnce"] = (offset, message) => {
    if (reported.has(message)) return;
    reported.add(message);
    warn(offset, message);
  };
  const strictly = vocabulary.mustRequire ? error : warn;

  const needs: BlockContext["needs"] = (capability, offset, what) => {
    if (required.has(capability) || reported.has(capability)) return;
    reported.add(capability);
    strictly(offset, `${what} is used without require "${capability}". Add that at the top of the script.`);
  };

  /** Extensions that change what strings mean: unless they are required, a strict script has its strings as they are written. */
  const readsStrings = (capability: string, offset: number, what: string): boolean => {
    if (!vocabulary.mustRequire) needs(capability, offset, what);
    return !vocabulary.mustRequire || required.has(capability);
  };

  const resolved = <T extends object>(found: T | NameProblem, offset: number): T | undefined => {
    if (!("problem" in found)) return found;
    error(offset, found.problem);
    return undefined;
  };

  const { names } = vocabulary;
  const onDnsList = (list: string) => {
    names.onDnsList?.(list);
    const of = names.dnsLists.get(list);
    if (of !== undefined) scope.readsItem(variableOfSubject[of], false);
  };

  return {
    script,
    source,
    vocabulary,
    expressions: scriptVocabulary(scope.variables, { ...vocabulary.names, onDnsList }, vocabulary.mistakenComparison),
    error,
    warn,
    warnOnce,
    statement: (store, sql, offset) => statements.push({ store, sql, script, ...places(offset) }),
    readsItem: scope.readsItem,
    needs,
    isRequired: (capability) => required.has(capability),
    enable: (capability) => {
      if (!capabilities.has(capability)) return false;
      required.add(capability);
      return true;
    },
    target: (name) => {
      if (name.constant !== undefined) return resolved(scope.target(name.constant), name.offset);
      error(name.offset, "the name of a variable must be known at load. Write it without variables.");
      return undefined;
    },
    shareGlobally: (name) => {
      const problem = scope.shareGlobally(name.written);
      if (problem) error(name.offset, problem.problem);
    },
    include,
    keepsRefusals,
    leadsToRefusal: false,
    isInLoop: false,
    mayLackWords: false,
    line: (offset) => places(offset).line,
    read: ({ value, offset }, isExpression) => {
      const report = (within: number, message: string): void => error(placeWithin(source, value, offset, within), message);
      const variable = (name: string, within: number): ReturnType<ScriptScope["reader"]> => {
        const warning = scope.neverSet(name);
        if (warning !== undefined) warnOnce(placeWithin(source, value, offset, within), warning);
        return scope.reader(name);
      };
      let written = value;
      if (hasEncodedCharacter(written) && readsStrings("encoded-character", offset, "an encoded character")) {
        written = decodeCharacters(written, report);
      }
      const isConstant = isExpression || !hasReference(written) || !readsStrings("variables", offset, "a variable");
      const text = isConstant ? constantText(written) : compileText(written, variable, report);
      return { ...text, offset, written };
    },
  };
}
