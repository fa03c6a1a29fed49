/** Lines of Postfix's text files: one that begins with white space continues the one before; `#` begins a line that says nothing. */

export interface LogicalLine {
  /** Of its first line, counted from 1. */
  readonly number: number;
  readonly text: string;
}

export function* logicalLines(text: string): Generator<LogicalLine> {
  let number = 0;
  let current: { number: number; text: string } | undefined;
  for (const line of physicalLines(text)) {
    number += 1;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    if (/^\s/.test(line) && current !== undefined) {
      current.text += ` ${trimmed}`;
      continue;
    }
    if (current) yield current;
    current = { number, text: trimmed };
  }
  if (current) yield current;
}

function* physicalLines(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end < 0 ? text.length : end);
    if (end < 0) return;
    start = end + 1;
  }
}
