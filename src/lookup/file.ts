/** A list in a file: `key` or `key value` a line, globs by an unescaped `*` or `?`, comments from a `#` at the start or after white space. */

import type { Value } from "../expr/value.ts";
import type { LineProblem } from "../file/file-problem.ts";
import type { Files } from "../file/files.ts";
import { takeLines } from "../file/plain-lines.ts";
import type { WatchedFile } from "../file/watched-file.ts";
import type { Lookup } from "../stage/sources.ts";
import { nine, zero } from "../text/ascii.ts";
import type { LookupEntry, LookupSettings } from "./lookup-settings.ts";
import { MemoryLookup } from "./memory.ts";
import { uselessKey } from "./useless-key.ts";

type FileLookupSettings = Extract<LookupSettings, { readonly type: "file" }>;

/** While the file is missing, wrong or being written, the list answers from what it has, and says that it is doubted. */
export class FileLookup implements Lookup {
  readonly waits = false;
  readonly #file: WatchedFile<MemoryLookup>;

  /** Knows nothing before its first `refresh`. */
  constructor({ name, path, caseSensitive, isAskedByMta }: FileLookupSettings, files: Files) {
    const format = {
      isByLine: true as const,
      create: (expected?: number) => new MemoryLookup([], caseSensitive, expected),
      add(lookup: MemoryLookup, portion: Buffer, problem: LineProblem) {
        const other = (line: string, number: number) => {
          const entry = parseLine(line, number, isAskedByMta, problem);
          if (entry === undefined) return 0;
          lookup.add(entry);
          return 1;
        };
        return takeLines(portion, {
          plain(octets, start, end, number) {
            // Such as `192.168`.
            if (isDigit(octets[start])) return other(octets.toString("latin1", start, end), number);
            lookup.addPart(octets, start, end);
            return 1;
          },
          other,
        });
      },
    };
    this.#file = files.watch({ name, variant: `list ${caseSensitive} ${isAskedByMta}`, path, format, needsEntries: false });
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
export function parseList(text: string, isAskedByMta: boolean, problem: LineProblem): readonly LookupEntry[] {
  return text.split("\n").flatMap((line, index) => parseLine(line, index + 1, isAskedByMta, problem) ?? []);
}

/** `undefined`: it has none. */
function parseLine(line: string, number: number, isAskedByMta: boolean, problem: LineProblem): LookupEntry | undefined {
  const entry = withoutComment(line);
  const [, key, value] = /^("(?:[^"\\]|\\.)*"@\S+|\S+)(?:\s+(\S.*))?$/s.exec(entry) ?? [];
  if (key === undefined) return undefined;
  if (entry.includes("\ufffd")) problem(number, "is not text in UTF-8, and so matches nothing. Convert it.", "warning");
  const useless = uselessKey(key, isAskedByMta);
  if (useless !== undefined) problem(number, useless, "warning");
  // A backslash is an escape only where a wildcard is, so that DOMAIN\user is itself.
  return { key, glob: /[*?]/.test(key), value: value === undefined ? 1 : typed(value) };
}

const isDigit = (octet = 0) => octet >= zero && octet <= nine;

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
