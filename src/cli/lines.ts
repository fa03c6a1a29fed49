/** The lines of a stream that say something. */

/** Characters of one line that are read, or somewhat more; a file without lines, such as of NULs, may have any number. */
const maxLine = 1_048_576;

export async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  let begun = "";
  for await (const portion of input.setEncoding("utf8")) {
    const lines = (begun + (begun.length < maxLine ? portion : fromLineEnd(String(portion)))).split(/\r?\n/);
    begun = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  if (begun.trim() !== "") yield begun;
}

function fromLineEnd(portion: string): string {
  const end = portion.indexOf("\n");
  return end < 0 ? "" : portion.slice(end);
}
