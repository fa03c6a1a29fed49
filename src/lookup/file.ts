/** A list in a file: `key` or `key value` a line, globs by an unescaped `*` or `?`, comments from a `#` at the start or after white space. */

import type { OnAvailability } from "../answer/availability.ts";
import type { Value } from "../expr/value.ts";
import { type LineProblem, WatchedFile } from "../file/watched-file.ts";
import { isNetwork } from "../mail/ip.ts";
import type { Lookup } from "../stage/sources.ts";
import type { LookupEntry, LookupSettings } from "./lookup-settings.ts";
import { type MemoryLookup, openMemoryLookup } from "./memory.ts";

type FileLookupSettings = Extract<LookupSettings, { readonly type: "file" }>;

export class FileLookup implements Lookup {
  readonly waits = false;
  readonly #file: WatchedFile<MemoryLookup>;

  /** Reads the file; throws a `FileProblem`. */
  constructor({ name, path, caseSensitive }: FileLookupSettings, onAvailability: OnAvailability) {
    this.#file = new WatchedFile(`${name}: ${path}`, path, (text) => openMemoryLookup(entriesOf(text), caseSensitive), onAvailability);
  }

  get(key: string): Value | undefined {
    return this.#file.content.get(key);
  }

  /** Looks whether the file changed. */
  async refresh(): Promise<void> {
    await this.#file.refresh();
  }
}

/** Keys that match nothing do not stop the others. */
export function warnOfKeys(text: string, problem: LineProblem): void {
  let line = 0;
  for (const each of text.split("\n")) {
    line += 1;
    const entry = withoutComment(each);
    if (entry.includes("\ufffd")) problem(line, "is not text in UTF-8, and so matches nothing. Convert it.", "warning");
    const useless = uselessNetwork(entry.split(/\s/, 1)[0] ?? "");
    if (useless !== undefined) problem(line, useless, "warning");
  }
}

/** Lists compare keys, of which none is a network. `undefined`: it is none. */
export function uselessNetwork(key: string): string | undefined {
  if (!key.includes("/") || !isNetwork(key)) return undefined;
  return `"${key}" matches nothing: a list knows no networks. Write 192.0.2.* for what begins so, or ask is_ip_in_cidr in a rule.`;
}

function withoutComment(line: string): string {
  return line.replace(/(?:^|\s)#.*$/, "").trim();
}

function* entriesOf(text: string): Generator<LookupEntry> {
  for (const line of text.split("\n")) {
    const [, key, value] = /^("(?:[^"\\]|\\.)*"@\S+|\S+)(?:\s+(\S.*))?$/.exec(withoutComment(line)) ?? [];
    if (key === undefined) continue;
    // A backslash is an escape only where a wildcard is, so that DOMAIN\user is itself.
    yield { key, glob: /[*?]/.test(key), value: value === undefined ? 1 : typed(value) };
  }
}

/** As values of an inline list are typed. */
function typed(text: string): Value {
  if (text === "true") return 1;
  if (text === "false") return 0;
  const isNumber = /^-?\d{1,15}(?:\.\d+)?$/.test(text);
  return isNumber ? Number(text) : text;
}
