/** `envelope`: what the client said in MAIL and RCPT (RFC 5228 5.4, RFC 6009). */
import { domainOf } from "../../mail/address.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import type { Arguments, ScriptContext, TestRecord, TextArgument } from "../compile/definition.ts";
import { type AddressPart, addressPartOf, addressPartTag, addressPartTags } from "../match/address-part.ts";
import { compileMatch, isCounted, matchTags, matchTypeOf, type ValueSource } from "../match/match-type.ts";
import { envelopePart } from "../run/envelope-parts.ts";
import type { ScriptRun } from "../run/script-run.ts";
import { type EnvelopePart, envelopeParts } from "../script.ts";
import { zoneOf, zoneTag } from "./date.ts";
import { iso8601 } from "./date-part.ts";

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
    warnOfForms(args, context);
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

/** RFC 5228 5.4 would have them as the client wrote them; lists and databases have one form of each. */
function warnOfForms(args: Arguments, context: ScriptContext): void {
  if (isCounted(args) || matchTypeOf(args) === "regex" || matchTypeOf(args) === "list") return;
  if (!args.texts(0).some(({ constant }) => constant !== undefined && isAddress(envelopePart(constant)))) return;
  const isOctet = args.tag("comparator")?.text().constant === "i;octet";
  for (const { constant = "", offset } of args.texts(1)) {
    const domain = addressPartTag(args)?.name === "domain" ? constant : (domainOf(constant) ?? "");
    const labels = canonicalDomain(domain);
    if (labels !== domain.toLowerCase() && /[^\p{ASCII}]/u.test(domain)) {
      const written = constant.slice(0, constant.length - domain.length) + labels;
      context.warn(offset, `domains have A-labels here, so "${shorten(constant)}" matches none. Write "${shorten(written)}".`);
    } else if (isOctet && /\p{Lu}/u.test(constant)) {
      context.warn(offset, `addresses are in lower case here, so "${shorten(constant)}" matches none. Write it in lower case.`);
    }
  }
}

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
