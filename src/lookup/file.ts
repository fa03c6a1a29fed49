/** A list in a file: `key` or `key value` a line, globs by an unescaped `*` or `?`, comments from a `#` at the start or after white space. */

import type { Value } from "../expr/value.ts";
import type { LineProblem } from "../file/file-problem.ts";
import type { Files } from "../file/files.ts";
import { takeLines } from "../file/plain-lines.ts";
import type { WatchedFile } from "../file/watched-file.ts";
import { canonicalIp, isNetwork } from "../mail/ip.ts";
import type { Lookup } from "../stage/sources.ts";
import { hasInvisibleEnd, insideQuotes } from "../text/around.ts";
import type { LookupEntry, LookupSettings } from "./lookup-settings.ts";
import { MemoryLookup } from "./memory.ts";

type FileLookupSettings = Extract<LookupSettings, { readonly type: "file" }>;

/** While the file is missing, wrong or being written, the list answers from what it has, and says that it is doubted. */
export class FileLookup implements Lookup {
  readonly waits = false;
  readonly #file: WatchedFile<MemoryLookup>;

  /** Knows nothing before its first `refresh`. */
  constructor({ name, path, caseSensitive }: FileLookupSettings, files: Files) {
    const format = {
      create: (expected?: number) => new MemoryLookup([], caseSensitive, expected),
      add(lookup: MemoryLookup, portion: Buffer, problem: LineProblem) {
        return takeLines(portion, {
          plain(octets, start, end) {
            lookup.addPart(octets, start, end);
            return 1;
          },
          other(line, number) {
            const entry = parseLine(line, number, problem);
            if (entry === undefined) return 0;
            lookup.add(entry);
            return 1;
          },
        });
      },
    };
    this.#file = files.watch({ name, variant: `list ${caseSensitive}`, path, format, needsEntries: false });
  }

  get doubt(): string | undefined {
    const { doubt, path } = this.#file;
    return doubt && `${path} ${doubt}`;
  }

  get(key: string): Value | undefined {
    return this.#file.content.get(key);
  }

  /** Looks whether the file changed. */
  refresh(): Promise<void> {
    return this.#file.refresh();
  }
}

/** Keys that match nothing do not stop the others. */
export function parseList(text: string, problem: LineProblem): readonly LookupEntry[] {
  return text.split("\n").flatMap((line, index) => parseLine(line, index + 1, problem) ?? []);
}

/** `undefined`: it has none. */
function parseLine(line: string, number: number, problem: LineProblem): LookupEntry | undefined {
  const entry = withoutComment(line);
  const [, key, value] = /^("(?:[^"\\]|\\.)*"@\S+|\S+)(?:\s+(\S.*))?$/s.exec(entry) ?? [];
  if (key === undefined) return undefined;
  if (entry.includes("\ufffd")) problem(number, "is not text in UTF-8, and so matches nothing. Convert it.", "warning");
  const useless = uselessKey(key);
  if (useless !== undefined) problem(number, useless, "warning");
  // A backslash is an escape only where a wildcard is, so that DOMAIN\user is itself.
  return { key, glob: /[*?]/.test(key), value: value === undefined ? 1 : typed(value) };
}

/** Why nothing that a list is asked is that key, as others write lists. `undefined`: something may be. */
export function uselessKey(key: string): string | undefined {
  if (key.includes("/") && isNetwork(key))
    return `"${key}" matches nothing: a list knows no networks. Write 192.0.2.* for what begins so, or ask is_ip_in_cidr in a rule.`;
  if (insideQuotes(key) !== undefined) return `"${key}" is compared with its quotes, and so matches no name or address. Remove them.`;
  if (hasInvisibleEnd(key))
    return `"${key}" has an invisible character at its beginning or end, and so matches no name or address. Remove it.`;
  if (/[,;:]$/.test(key) && canonicalIp(key) === undefined)
    return `"${key}" is compared with the "${key.at(-1)}" at its end, and so matches no name or address. Remove it.`;
  return isSeveralNames(key) ? `"${key}" is one key, and so matches no name or address. Write each by itself.` : undefined;
}

/** Names or addresses: of a certificate's subject, `CN=mx,O=Example`, no part is one. */
function isSeveralNames(key: string): boolean {
  const parts = key.split(/[,;]/);
  return parts.length > 1 && !/[\s=]/.test(key) && parts.every((part) => part.slice(1, -1).includes("."));
}

function withoutComment(line: string): string {
  return line.replace(/(?:^|\s)#.*$/s, "").trim();
}

/** As values of an inline list are typed. */
function typed(text: string): Value {
  if (text === "true") return 1;
  if (text === "false") return 0;
  const isNumber = /^-?\d{1,15}(?:\.\d+)?$/.test(text);
  return isNumber ? Number(text) : text;
}
