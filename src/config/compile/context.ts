/** What the compilers share: where problems go, which names the file gives, and how the files that it names are read. */
import { type LineProblem, maxCheckedOctets } from "../../file/file-problem.ts";
import { codeOf } from "../../text/error-code.ts";
import { errorMessage } from "../../text/error-message.ts";
import type { GivenNames } from "../check/names.ts";
import type { ProblemReport } from "../check/report.ts";
import type { KeyPath } from "../syntax/tree.ts";

/** The text of a file, `undefined` when it is larger than `maxOctets`; throws as node:fs does. */
export type ReadFile = (path: string, maxOctets?: number) => string | undefined;

export interface CompileContext {
  readonly report: ProblemReport;
  readonly names: GivenNames;
  /** What the configuration is made from. */
  readonly readFile: ReadFile;
  /** What is checked now, and read again when it is used. */
  readonly readTable: ReadFile;
}

/** `undefined`: it cannot be read, which has been reported, or it is larger than `maxOctets`, which is reported only with a hint what to do. */
export function textOf(
  path: KeyPath,
  file: string,
  { report, readFile }: Pick<CompileContext, "report" | "readFile">,
  maxOctets?: number,
  hint?: string,
): string | undefined {
  try {
    const text = readFile(file, maxOctets);
    if (text === undefined && hint !== undefined) report.error(path, `${file} is longer than ${maxOctets} octets. ${hint}`);
    return text;
  } catch (error) {
    report.error(path, cannotRead(file, error));
    return undefined;
  }
}

/** Lines of one file that are reported one by one. */
const maxLines = 10;

/** Reports what is wrong with the file at `path`, and with which of its lines. */
export function checkLines(
  path: KeyPath,
  file: string,
  parse: (text: string, problem: LineProblem) => unknown,
  context: CompileContext,
): void {
  const { report, readTable } = context;
  const text = textOf(path, file, { report, readFile: readTable }, maxCheckedOctets);
  if (text === undefined) return;
  if (text.includes("\0")) {
    report.error(path, `${file} ${notUtf8}`);
    return;
  }
  const counts = { error: 0, warning: 0 };
  parse(text, (line, what, warning) => {
    const severity = warning ?? "error";
    counts[severity] += 1;
    if (counts[severity] <= maxLines) report[severity](path, `${file}:${line}: ${what}`);
    return undefined;
  });
  if (counts.error > maxLines) report.error(path, `${file}: further lines with errors: ${counts.error - maxLines}.`);
  if (counts.warning > maxLines) report.warning(path, `${file}: further lines with warnings: ${counts.warning - maxLines}.`);
}

export const notUtf8 = "is not text in UTF-8. Convert it.";

export function cannotRead(file: string, error: unknown): string {
  const code = codeOf(error);
  const [, type, path] = /(?:^|\/)(?:proxy:)?(hash|btree|lmdb|cdb|dbm|texthash):(.+)$/.exec(file) ?? [];
  if (code === "ENOENT" && path !== undefined)
    return `"${type}:" is how Postfix names the type of a table, and not part of a path. Write "${path}", the file that is edited.`;
  if (code === "ENOENT") return `there is no file ${file}. Create it, or correct the path.`;
  if (code === "EACCES")
    return `${file} is not readable for this user. Type a command as root, or as the daemon's user. Where that is the one who may not read it, change group and mode, or use LoadCredential of systemd.`;
  return `${file} cannot be read (${errorMessage(error)}). Correct the path or the file.`;
}
