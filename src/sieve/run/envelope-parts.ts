/** The parts of the envelope: their names, and what becomes of a value that a script sets (RFC 6009). */
import { formatAddress, parseAddress } from "../../mail/address.ts";
import { notifyValue } from "../../mail/dsn.ts";
import { type EnvelopePart, envelopeParts } from "../script.ts";
import type { ScriptRun } from "./script-run.ts";

/** Underscores count for nothing: `by_mode` is `bymode`. `undefined`: there is no such part. */
export function envelopePart(written: string): EnvelopePart | undefined {
  const name = written.toLowerCase().replaceAll("_", "");
  return envelopeParts.find((part) => part === name);
}

/** An impossible value is ignored, as in the server that these scripts come from. Later tests see the change. */
export function setEnvelope(run: ScriptRun, part: EnvelopePart, written: string): void {
  const value = checked(part, written);
  if (value === undefined) {
    if (run.surroundings.trace) run.answer = `ignored, as it cannot be envelope.${part}: ${written}`;
    return;
  }
  const { kept, seen } = value;
  run.changes.push({ part, value: kept });
  const { [part]: _, ...others } = run.envelope;
  run.envelope = seen === undefined ? others : { ...others, [part]: seen };
}

/** Whether it would be ignored. */
export function isImpossible(part: EnvelopePart, written: string): boolean {
  return checked(part, written) === undefined;
}

/** RFC 3461 4.2 and 4.4. */
const longestOrcpt = 500;
const longestEnvid = 100;

interface Checked {
  /** `undefined`: the part is cleared. */
  readonly kept: string | undefined;
  /** As tests compare it. */
  readonly seen: string | undefined;
}

/** `undefined`: the part stays as it is. */
function checked(part: EnvelopePart, value: string): Checked | undefined {
  switch (part) {
    case "from":
      return value === "" ? { kept: "", seen: "" } : address(value);
    case "to":
      return address(value);
    case "envid":
      return printable(value, longestEnvid);
    case "orcpt":
      return printable(value, longestOrcpt);
    case "ret":
      return word(value, /^(?:FULL|HDRS)$/i);
    case "notify":
      return word(value, notifyValue);
    case "bymode":
      return word(value, /^[NR]$/i);
    case "bytrace":
      return word(value, /^T$/i);
    // The time belongs to the client's own request, which nobody else can change.
    case "bytimeabsolute":
    case "bytimerelative":
      return undefined;
  }
}

/** An address that no path can hold could become another recipient, or a part of a command. */
function address(value: string): Checked | undefined {
  const seen = parseAddress(value);
  return formatAddress(seen) === undefined ? undefined : { kept: value, seen };
}

function printable(value: string, longest: number): Checked | undefined {
  if (value === "") return { kept: undefined, seen: undefined };
  return value.length <= longest && /^[!-~]+$/.test(value) ? { kept: value, seen: value } : undefined;
}

function word(value: string, allowed: RegExp): Checked {
  const kept = allowed.test(value) ? value.toUpperCase() : undefined;
  return { kept, seen: kept };
}
