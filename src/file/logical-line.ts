/** Lines of Postfix's text files: one that begins with white space continues the one before; `#` begins a line that says nothing. */

export interface LogicalLine {
  /** Of its first line, counted from 1. */
  readonly number: number;
  readonly text: string;
}

/** `continues`: whether a line, which is not the first, belongs to the one before. */
export function logicalLines(text: string, continues = isIndented): readonly LogicalLine[] {
  const lines: { number: number; text: string }[] = [];
  let last: { number: number; text: string } | undefined;
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    if (last !== undefined && continues(line)) {
      last.text += ` ${trimmed}`;
      continue;
    }
    last = { number, text: trimmed };
    lines.push(last);
  }
  return lines;
}

/** By white space of ASCII: others, and a mark of the byte order, come with an entry that was put together from several files, or pasted. */
function isIndented(line: string): boolean {
  return /^[ \t\r\v\f]/.test(line);
}
