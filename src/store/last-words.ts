/** Why a program of ours ended, from what it wrote to its standard error. */
import type { Readable } from "node:stream";
import { cleanText } from "../text/controls.ts";

/** Of the end of what was written, and of the line. */
const [maxKept, maxLine] = [8192, 300];

/** Reads all of it, and remembers the end: one line of it, or "". */
export function lastWords(stream: Readable | null): () => string {
  let kept = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    kept = `${kept}${text}`.slice(-maxKept);
  });
  return () => {
    const lines = kept.split("\n").filter((line) => line.trim() !== "");
    // Of a stack, the line that says what has happened.
    const line = lines.find((each) => /^\w*Error\b.*: /.test(each)) ?? lines.at(-1) ?? "";
    return cleanText(line).slice(0, maxLine);
  };
}
