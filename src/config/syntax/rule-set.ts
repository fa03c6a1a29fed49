/** The forms in which a rule set is written, TOML's and JSON's, to one. */
import type { RulePart } from "../../expr/compile.ts";
import type { RuleSetSource, RuleSource } from "../../expr/expression.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Report } from "../check/report.ts";
import type { Path } from "./tree.ts";

export interface WrittenRules {
  readonly source: RuleSetSource;
  pathOf(part: RulePart): Path;
}

/** What is wrong is reported, and `false` stands for it, so that the other parts can be checked. */
export function readRules(data: unknown, path: Path, report: Report): WrittenRules {
  return new Reader(report).read(data, path);
}

/** Back to the form of TOML. */
export function formatRules({ rules, else: otherwise }: RuleSetSource): unknown {
  if (rules.length === 0) return constant(otherwise);
  return [...rules.map((rule) => ({ if: constant(rule.if), then: constant(rule.then) })), { else: constant(otherwise) }];
}

const missing = "false";

interface Element {
  readonly path: Path;
  readonly data: Record<string, unknown>;
}

class Reader {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  read(data: unknown, path: Path): WrittenRules {
    if (Array.isArray(data)) return this.#list(data, path);
    return isTable(data) ? this.#object(data, path) : this.#single(data, path);
  }

  #single(data: unknown, path: Path): WrittenRules {
    return { source: { rules: [], else: this.#text(data, path) }, pathOf: () => path };
  }

  /** `[{if, then}, …, {else}]`. */
  #list(data: readonly unknown[], path: Path): WrittenRules {
    const elements = this.#elements(data.entries(), path);
    const at = elements.findIndex((element) => "else" in element.data);
    const last = elements[at];
    for (const [index, element] of elements.entries()) {
      if (!("else" in element.data)) {
        if (at >= 0 && index > at) this.#fail(element.path, "stands after the else. Move the else to the end.");
      } else if (index > at) this.#fail(element.path, "is a second else. Keep one, at the end.");
      else if ("if" in element.data || "then" in element.data) {
        this.#fail(element.path, "has an else beside its if or then. Make the else an element of its own, the last.");
      }
    }
    const conditional = elements.filter((element) => !("else" in element.data));
    if (last === undefined) this.#fail(path, "has no else. Add { else = false } at the end.");
    const otherwise = last ? this.#text(last.data.else, [...last.path, "else"]) : missing;
    return {
      source: { rules: conditional.map((element) => this.#rule(element)), else: otherwise },
      pathOf: (part) =>
        part.part === "else" ? [...(last?.path ?? path), "else"] : [...(conditional[part.index]?.path ?? path), part.part],
    };
  }

  /** `{match: [{if, then}, …] or {"0": {if, then}, …}, else}`. */
  #object(data: Record<string, unknown>, path: Path): WrittenRules {
    this.#onlyKeys(data, ["match", "else"], path);
    const matchPath = [...path, "match"];
    const elements = this.#elements(this.#numbered(data.match ?? [], matchPath), matchPath);
    if (data.else === undefined) this.#fail(path, 'has no "else". Add it, such as "else": "false".');
    const rules = elements.map((element) => this.#rule(element));
    return {
      source: { rules, else: data.else === undefined ? missing : this.#text(data.else, [...path, "else"]) },
      pathOf: (part) => (part.part === "else" ? [...path, "else"] : [...(elements[part.index]?.path ?? matchPath), part.part]),
    };
  }

  #numbered(match: unknown, path: Path): Iterable<[string | number, unknown]> {
    if (Array.isArray(match)) return match.entries();
    if (!isTable(match)) {
      this.#fail(path, 'must be a list of {"if", "then"}.');
      return [];
    }
    const entries = Object.entries(match);
    const stray = entries.find(([name]) => !/^\d+$/.test(name));
    if (stray) this.#fail([...path, stray[0]], `"${stray[0]}" is not a number. Number the rules "0", "1", …, or use a list.`);
    return entries.toSorted(([a], [b]) => Number(a) - Number(b));
  }

  #elements(entries: Iterable<[string | number, unknown]>, path: Path): readonly Element[] {
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

  #onlyKeys(data: Record<string, unknown>, known: readonly string[], path: Path): void {
    for (const name of Object.keys(data)) {
      if (known.includes(name)) continue;
      const mend = didYouMean(name, known) || ` A rule set has ${known.join(", ")}.`;
      this.#fail([...path, name], `unknown key "${name}".${mend}`);
    }
  }

  #text(data: unknown, path: Path): string {
    if (typeof data === "string" && data.trim() !== "") return data;
    if (typeof data === "boolean" || typeof data === "bigint") return String(data);
    if (typeof data === "number" && Number.isFinite(data)) return String(data);
    this.#fail(
      path,
      typeof data === "string" ? "is empty. Write an expression; empty text is \"''\"." : "is not an expression. Write one as a string.",
    );
    return missing;
  }

  #fail(path: Path, message: string): void {
    this.#report.error(path, message);
  }
}

function constant(source: string): string | number | boolean {
  if (source === "true" || source === "false") return source === "true";
  return /^\d{1,15}$/.test(source) && String(Number(source)) === source ? Number(source) : source;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof Date);
}
