/** The texts after the options of `--help`, as wide as the terminal. */
import type { AddHelpTextContext } from "commander";

/** Where it goes to no terminal. */
const plainWidth = 80;

/** For `addHelpText`. Lines that are indented stay lines: a table of two columns, or a command. */
export function helpText(text: string): (context: AddHelpTextContext) => string {
  return ({ command }) => `\n${wrapped(text, command.configureOutput().getOutHelpWidth?.() ?? plainWidth)}`;
}

function wrapped(text: string, width: number): string {
  const lines = text
    .replace(/^\n+|\s+$/g, "")
    .replace(/(?<=\S)\n(?=[^\s])(?!Exit status:)/g, " ")
    .split("\n");
  return lines.map((line) => wrappedLine(line, width)).join("\n");
}

function wrappedLine(line: string, width: number): string {
  const isCommand = /^ .*\bpostern\b/.test(line);
  const indent = isCommand ? 6 : (/^ +\S+(?: \S+)*? {2,}|^ +/.exec(line)?.[0].length ?? 0);
  const end = isCommand ? " \\" : "";
  const out: string[] = [];
  let rest = line;
  for (;;) {
    const first = out.length === 0 ? 0 : indent;
    if (rest.length + first <= width) break;
    // Before an option, not within it.
    const room = rest.slice(0, width - first - end.length + 1);
    const at = Math.max(room.lastIndexOf(isCommand && room.trimStart().includes(" --") ? " --" : " "), 0);
    if (room.slice(0, at).trim() === "") break;
    out.push(`${" ".repeat(first)}${rest.slice(0, at)}${end}`);
    rest = rest.slice(at + 1);
  }
  return [...out, `${" ".repeat(out.length === 0 ? 0 : indent)}${rest}`].join("\n");
}
