/** `currentdate`, and `date` of headers (RFC 5260 sections 4 and 5). */

import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import type { Arguments, PositionRecord, ScriptContext, TagRecord, TestRecord, TextArgument } from "../compile/definition.ts";
import { meaningOf } from "../compile/script-text.ts";
import { compileMatch, matchTags, type ValueSource } from "../match/match-type.ts";
import type { ScriptRun } from "../run/script-run.ts";
import { dateParts, parseZone } from "./date-part.ts";
import { warnOfHeaders } from "./message.ts";

export const zoneTag: TagRecord = { name: "zone", takes: "text", group: "zone" };
const datePart: PositionRecord = { name: "date part", type: "text" };
const keys: PositionRecord = { name: "key list", type: "texts" };

export const currentdateTest: TestRecord = {
  name: "currentdate",
  capability: "date",
  tags: [zoneTag, ...matchTags],
  positions: [datePart, keys],
  compile(args, context) {
    const part = partOf(args.text(0), context);
    const zone = zoneOf(args, context);
    const source: ValueSource = (run) => part?.(run)(run.surroundings.now, zone?.(run) ?? 0);
    const match = compileMatch(args, context, [source], args.texts(1));
    return part && zone && match;
  },
};

export const dateTest: TestRecord = {
  name: "date",
  capability: "date",
  tags: [zoneTag, { name: "originalzone", group: "zone" }, ...matchTags],
  positions: [{ name: "header name", type: "text" }, datePart, keys],
  compile(args, context) {
    warnOfHeaders(args, context);
    const part = partOf(args.text(1), context);
    const zone = zoneOf(args, context);
    const match = compileMatch(args, context, [], args.texts(2));
    return part && zone && match;
  },
};

/** `undefined`: an error was reported. */
function partOf(name: TextArgument, context: ScriptContext) {
  return meaningOf(name, context, (written) => dateParts.get(written.toLowerCase()), unknownPart);
}

function unknownPart(written: string): string {
  return `unknown date part "${shorten(written)}".${didYouMean(written, dateParts.keys()) || ` Known are ${[...dateParts.keys()].join(", ")}.`}`;
}

/** In milliseconds ahead of UTC. `undefined`: an error was reported. */
export function zoneOf(args: Arguments, context: ScriptContext): ((run: ScriptRun) => number) | undefined {
  const zone = args.tag("zone")?.text();
  // RFC 5260 takes the zone of the machine; a script should do the same on every machine.
  if (zone === undefined) return () => 0;
  return meaningOf(zone, context, parseZone, badZone);
}

function badZone(written: string): string {
  return `"${shorten(written)}" is not a time zone. Write it as +0200 or -0530.`;
}
