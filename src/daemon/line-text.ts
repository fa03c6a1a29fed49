/** A log line as text: time, level, what happened, then `key=value`. */
import { styleText } from "node:util";
import { escapeControls } from "../text/controls.ts";
import type { Destination } from "./destination.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `json` is an object as JSON.stringify writes it. The journal adds a time of its own; on a terminal the line has colours. */
export function textOf(json: string, to: Destination): string {
  const { time, level, msg, ...rest } = JSON.parse(json) as Fields;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${key}=${typeof value === "string" ? quoted(value) : JSON.stringify(value)}`);
  const colour = colourOf(level, rest);
  const parts = [
    { style: "dim", text: to === "journal" ? undefined : time },
    { style: colour, text: level },
    { style: colour, text: msg ?? summaryOf(rest) },
    { style: "dim", text: pairs.join(" ") },
  ] as const;
  return parts
    .filter(({ text }) => text !== undefined && text !== "")
    .map(({ style, text }) => {
      const clean = escapeControls(String(text));
      // It has no colours where NO_COLOR is set.
      return to === "terminal" && style !== undefined ? styleText(style, clean) : clean;
    })
    .join(" ");
}

/** All of its words are Postern's own. */
function summaryOf({ event, stage, verdict, would, reason }: Fields): string | undefined {
  if (event !== "decision") return undefined;
  return `${stage} ${would === undefined ? verdict : `would-${would}`} ${reason}:`;
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

function colourOf(level: unknown, { verdict, would }: Fields): "red" | "yellow" | undefined {
  if (level === "error") return "red";
  if (level === "warn") return "yellow";
  switch (would ?? verdict) {
    case "reject":
    case "disconnect":
      return "red";
    case "defer":
      return "yellow";
    default:
      return undefined;
  }
}
