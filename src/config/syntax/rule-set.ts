/** The forms in which a rule set is written, TOML's and JSON's, to one, and back to that of TOML. */
import type { RulePart } from "../../expr/compile.ts";
import type { RuleSetSource, RuleSource } from "../../expr/expression.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { isTable, type KeyPath } from "./tree.ts";

export interface WrittenRules extends RuleSetSource {
  /** What is wrong with its form. `false` takes the place of what was written there, so that the other parts can be checked. */
  readonly problems: readonly { readonly path: KeyPath; readonly message: string }[];
  /** The path of a part, from the rule set on. */
  pathOf(part: RulePart): KeyPath;
}

export function readRules(data: unknown): WrittenRules {
  return new RuleSetReader().read(data);
}

/** Back to the form of TOML. */
export function formatRules({ rules, else: otherwise }: RuleSetSource): unknown {
  if (rules.length === 0) return literal(otherwise);
  return [...rules.map((rule) => ({ if: literal(rule.if), then: literal(rule.then) })), { else: literal(otherwise) }];
}

/** A setting that is true or false, or rules that say when they hold. */
export function readSwitch(data: unknown): WrittenRules {
  if (typeof data !== "number" && (typeof data !== "string" || /^\s*(true|false)\s*$/.test(data))) return readRules(data);
  const message = "one expression does not say when it applies. Write true, false, or rules: [{ if = …, then = … }, { else = false }].";
  return { ...readRules(false), problems: [{ path: [], message }] };
}

export function formatSwitch(rules: RuleSetSource): unknown {
  const written = formatRules(rules);
  return typeof written === "boolean" || Array.isArray(written) ? written : [{ else: written }];
}

/** The one expression, when there are no conditions. */
export function onlyExpression({ rules, else: otherwise }: RuleSetSource): string | undefined {
  return rules.length === 0 ? otherwise.trim() : undefined;
}

const missing = "false";

interface Element {
  readonly path: KeyPath;
  readonly data: Record<string, unknown>;
}

class RuleSetReader {
  readonly #problems: { readonly path: KeyPath; readonly message: string }[] = [];

  read(data: unknown): WrittenRules {
    if (Array.isArray(data)) return this.#list(data);
    return isTable(data) ? this.#object(data) : this.#rules([], this.#text(data, []), () => []);
  }

  #rules(rules: readonly RuleSource[], otherwise: string, pathOf: WrittenRules["pathOf"]): WrittenRules {
    return { rules, else: otherwise, problems: this.#problems, pathOf };
  }

  /** `[{if, then}, …, {else}]`. */
  #list(data: readonly unknown[]): WrittenRules {
    const elements = this.#elements(data.entries(), []);
    const at = elements.findIndex((element) => "else" in element.data);
    const last = elements[at];
    for (const [index, element] of elements.entries()) {
      if (!("else" in element.data)) {
        if (at >= 0 && index > at) this.#fail(element.path, "comes after the else. Move the else to the end.");
      } else if (index > at) this.#fail(element.path, "is a second else. Keep one, at the end.");
      else if ("if" in element.data || "then" in element.data) {
        this.#fail(element.path, "has an else beside its if or then. Make the else an element of its own, the last.");
      }
    }
    const conditional = elements.filter((element) => !("else" in element.data));
    if (last === undefined) this.#fail([], "has no else. Add { else = false } at the end.");
    const otherwise = last ? this.#text(last.data.else, [...last.path, "else"]) : missing;
    const rules = conditional.map((element) => this.#rule(element));
    return this.#rules(rules, otherwise, (part) =>
      part.part === "else" ? [...(last?.path ?? []), "else"] : [...(conditional[part.index]?.path ?? []), part.part],
    );
  }

  /** `{match: [{if, then}, …] or {"0": {if, then}, …}, else}`. */
  #object(data: Record<string, unknown>): WrittenRules {
    this.#onlyKeys(data, ["match", "else"], []);
    const elements = this.#elements(this.#numbered(data.match ?? []), ["match"]);
    if (data.else === undefined) this.#fail([], 'has no "else". Add it, such as "else": "false".');
    const rules = elements.map((element) => this.#rule(element));
    return this.#rules(rules, data.else === undefined ? missing : this.#text(data.else, ["else"]), (part) =>
      part.part === "else" ? ["else"] : [...(elements[part.index]?.path ?? ["match"]), part.part],
    );
  }

  #numbered(match: unknown): Iterable<[string | number, unknown]> {
    if (Array.isArray(match)) return match.entries();
    if (!isTable(match)) {
      this.#fail(["match"], 'must be a list of {"if", "then"}.');
      return [];
    }
    const entries = Object.entries(match);
    const stray = entries.find(([name]) => !/^\d+$/.test(name));
    if (stray) this.#fail(["match", stray[0]], `"${stray[0]}" is not a number. Number the rules "0", "1", …, or use a list.`);
    return entries.toSorted(([a], [b]) => Number(a) - Number(b));
  }

  #elements(entries: Iterable<[string | number, unknown]>, path: KeyPath): readonly Element[] {
    return [...entries].flatMap(([name, data]) => {
      if (isTable(data) && !Array.isArray(data)) return [{ path: [...path, name], data }];
      this.#fail([...path, name], "is not a rule. Write { if = …, then = … }, or { else = … } at the end.");
      return [];
    });
  }

  #rule({ path, data }: Element): RuleSource {
    this.#onlyKeys(data, ["if", "then", "else"], path);
    if (data.then === undefined)
      this.#fail(path, data.if === undefined ? "has neither if nor else. Add one." : "has an if without a then. Add it.");
    else if (data.if === undefined) this.#fail(path, "has a then without an if. Add it, or write { else = … }.");
    const text = (part: "if" | "then") => (data[part] === undefined ? missing : this.#text(data[part], [...path, part]));
    return { if: text("if"), then: text("then") };
  }

  #onlyKeys(data: Record<string, unknown>, known: readonly string[], path: KeyPath): void {
    for (const name of Object.keys(data)) {
      if (known.includes(name)) continue;
      const hint = didYouMean(name, known) || ` A rule set has ${known.join(", ")}.`;
      this.#fail([...path, name], `unknown key "${name}".${hint}`);
    }
  }

  #text(data: unknown, path: KeyPath): string {
    if (typeof data === "string" && data.trim() !== "") return data;
    if (typeof data === "boolean" || typeof data === "bigint") return String(data);
    if (typeof data === "number" && Number.isFinite(data)) return String(data);
    this.#fail(
      path,
      typeof data === "string" ? "is empty. Write an expression; empty text is \"''\"." : "is not an expression. Write one as a string.",
    );
    return missing;
  }

  #fail(path: KeyPath, message: string): void {
    this.#problems.push({ path, message });
  }
}

/** Numbers and truth values are written without quotes. */
function literal(source: string): string | number | boolean {
  if (source === "true" || source === "false") return source === "true";
  return /^\d{1,15}$/.test(source) && String(Number(source)) === source ? Number(source) : source;
}
