/** `envelope`: what the client said in MAIL and RCPT (RFC 5228 5.4, RFC 6009). */
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Arguments, ScriptContext, TestRecord, TextArgument } from "../compile/definition.ts";
import { type AddressPart, addressPartOf, addressPartTag, addressPartTags } from "../match/address-part.ts";
import { compileMatch, isCounted, matchTags, type ValueSource } from "../match/match-type.ts";
import { envelopePart } from "../run/envelope-parts.ts";
import type { ScriptRun } from "../run/script-run.ts";
import { type EnvelopePart, envelopeParts } from "../script.ts";
import { zoneOf, zoneTag } from "./date.ts";
import { iso8601 } from "./date-part.ts";
import { warnOfKeys } from "./envelope-key.ts";

export const envelopeTest: TestRecord = {
  name: "envelope",
  capability: "envelope",
  tags: [...addressPartTags, { ...zoneTag, capability: "envelope-deliverby" }, ...matchTags],
  positions: [
    { name: "envelope part list", type: "texts" },
    { name: "key list", type: "texts" },
  ],
  compile(args, context) {
    const sources = args.texts(0).map((name) => sourcesOf(name, args, context));
    const known = sources.filter((source) => source !== undefined);
    const zone = args.tag("zone");
    if (zone && !args.texts(0).some(({ constant }) => constant === undefined || envelopePart(constant) === "bytimeabsolute"))
      context.error(zone.offset, '":zone" is for "bytimeabsolute" alone. Remove it.');
    if (args.texts(0).some(({ constant }) => constant !== undefined && isAddress(envelopePart(constant)))) warnOfKeys(args, context);
    const match = compileMatch(args, context, known.flat(), args.texts(1));
    return known.length === sources.length ? match : undefined;
  },
};

/** `undefined`: an error was reported. */
function sourcesOf(name: TextArgument, args: Arguments, context: ScriptContext): readonly ValueSource[] | undefined {
  const partOfAddress = addressPartOf(args, context);
  if (name.constant === undefined) {
    return [
      (run) => {
        const part = envelopePart(name.of(run));
        const value = part && run.envelope[part];
        return value === undefined || !isAddress(part) ? value : partOfAddress(value, run);
      },
    ];
  }
  const part = envelopePart(name.constant);
  if (part === undefined) {
    const meant = otherNames.get(name.constant.toLowerCase());
    const mend =
      (meant && ` Did you mean "${meant}"?`) || didYouMean(name.constant, envelopeParts) || ` Known are ${envelopeParts.join(", ")}.`;
    context.error(name.offset, `unknown envelope part "${name.constant}".${mend}`);
    return undefined;
  }
  const capability = capabilityOf(part);
  if (capability !== undefined) context.needs(capability, name.offset, `envelope part "${name.constant}"`);
  if (isAddress(part)) return [addressSource(part, partOfAddress)];
  const tag = addressPartTag(args);
  if (tag) {
    context.error(tag.offset, `envelope part "${name.constant}" is not an address. Leave out ":${tag.name}".`);
    return undefined;
  }
  switch (part) {
    case "notify":
      return notifyWords.map(notifySource);
    case "bymode":
    case "bytrace": {
      const source = deliverBySource(part);
      // The letters are what other servers have, and what scripts set.
      return isCounted(args) ? [source] : [source, (run) => run.envelope[part]];
    }
    case "bytimeabsolute": {
      const zone = zoneOf(args, context);
      return zone && [absoluteTimeSource(zone)];
    }
    default:
      return [(run) => run.envelope[part]];
  }
}

/** What the parts are called elsewhere. */
const otherNames: ReadonlyMap<string, EnvelopePart> = new Map<string, EnvelopePart>([
  ["sender", "from"],
  ["mail", "from"],
  ["mail_from", "from"],
  ["mailfrom", "from"],
  ["return-path", "from"],
  ["rcpt", "to"],
  ["rcpt_to", "to"],
  ["rcptto", "to"],
  ["recipient", "to"],
]);

function addressSource(part: EnvelopePart, partOfAddress: AddressPart): ValueSource {
  return (run) => {
    const address = run.envelope[part];
    return address === undefined ? undefined : partOfAddress(address, run);
  };
}

function isAddress(part: EnvelopePart | undefined): boolean {
  return part === "from" || part === "to";
}

function capabilityOf(part: EnvelopePart): string | undefined {
  switch (part) {
    case "from":
    case "to":
      return undefined;
    case "envid":
    case "orcpt":
    case "ret":
    case "notify":
      return "envelope-dsn";
    case "bymode":
    case "bytrace":
    case "bytimeabsolute":
    case "bytimerelative":
      return "envelope-deliverby";
  }
}

/** The words of RFC 6009 section 5 for the letters of RFC 2852; without the letter of the trace it is empty. */
function deliverBySource(part: "bymode" | "bytrace"): ValueSource {
  return ({ envelope: { bymode, bytrace } }) => {
    if (bymode === undefined) return undefined;
    if (part === "bytrace") return bytrace === undefined ? "" : "trace";
    return bymode === "N" ? "notify" : "return";
  };
}

function absoluteTimeSource(zone: (run: ScriptRun) => number): ValueSource {
  return (run) => {
    const time = run.envelope.bytimeabsolute;
    return time === undefined ? undefined : iso8601(Date.parse(time), zone(run));
  };
}

/** RFC 3461 4.1. */
const notifyWords = ["NEVER", "SUCCESS", "FAILURE", "DELAY"];

/** Each word of a NOTIFY is a value of its own. */
function notifySource(word: string): ValueSource {
  return (run) => (run.envelope.notify?.toUpperCase().split(",").includes(word) ? word : undefined);
}
