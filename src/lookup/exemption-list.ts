/** What the whitelists of postgrey have in common: lines, patterns, and domains that include their subdomains. */
import type { LineProblem } from "../file/file-problem.ts";
import { compilePattern, type Pattern, PatternError } from "../text/pattern.ts";

/** One entry; `#` begins a comment. */
interface ExemptLine {
  /** From 1. */
  readonly line: number;
  readonly entry: string;
}

export function entriesIn(text: string): readonly ExemptLine[] {
  return text
    .split("\n")
    .map((line, index) => ({ line: index + 1, entry: line.replace(/#.*$/s, "").trim() }))
    .filter(({ entry }) => entry !== "");
}

export function addPattern(patterns: Pattern[], source: string, line: number, problem: LineProblem): void {
  try {
    patterns.push(compilePattern(`(?i)${source}`));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    problem(line, `/${source}/ is not a supported regular expression: ${error.message}. Correct it.`);
  }
}

/** Whether the domain or one above it is in the set. */
export function isBelow(domain: string, domains: ReadonlySet<string>): boolean {
  if (domains.size === 0 || domain === "") return false;
  for (let at = 0; at >= 0; at = domain.indexOf(".", at) + 1 || -1) if (domains.has(domain.slice(at))) return true;
  return false;
}

/** `*.example.org`, as other lists write a domain with its subdomains, and `.example.org`. */
export function withoutWildcard(entry: string): string {
  return entry.replace(/^\*?\./, "");
}
