/** `envelope`: what the client said in MAIL and RCPT (RFC 5228 5.4, RFC 6009). */
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Arguments, ScriptContext, TestRecord, TextArgument } from "../compile/definition.ts";
import { addressPartOf, addressPartTag, addressPartTags } from "../match/address-part.ts";
import { compileMatch, matchTags, type ValueSource } from "../match/match-type.ts";
import { envelopePart } from "../run/envelope-parts.ts";
import { type EnvelopePart, envelopeParts } from "../script.ts";

export const envelopeTest: TestRecord = {
  name: "envelope",
  capability: "envelope",
  tags: [...addressPartTags, ...matchTags],
  positions: [
    { name: "envelope part list", type: "texts" },
    { name: "key list", type: "texts" },
  ],
  compile(args, context) {
    const sources = args.texts(0).map((name) => sourcesOf(name, args, context));
    const known = sources.filter((source) => source !== undefined);
    const match = compileMatch(args, context, known.flat(), args.texts(1));
    return known.length === sources.length ? match : undefined;
  },
};

/** `undefined`: an error was reported. */
function sourcesOf(name: TextArgument, args: Arguments, context: ScriptContext): readonly ValueSource[] | undefined {
  const partOfAddress = addressPartOf(args);
  if (name.constant === undefined) {
    return [
      (run) => {
        const part = envelopePart(name.of(run));
        const value = part && run.envelope[part];
        return value === undefined || !isAddress(part) ? value : partOfAddress(value);
      },
    ];
  }
  const part = envelopePart(name.constant);
  if (part === undefined) {
    const mend = didYouMean(name.constant, envelopeParts) || ` Known are ${envelopeParts.join(", ")}.`;
    context.error(name.offset, `unknown envelope part "${name.constant}".${mend}`);
    return undefined;
  }
  const capability = capabilityOf(part);
  if (capability !== undefined) context.needs(capability, name.offset, `envelope part "${name.constant}"`);
  if (isAddress(part)) return [addressSource(part, partOfAddress)];
  const tag = addressPartTag(args);
  if (tag && tag.name !== "all") {
    context.error(tag.offset, `envelope part "${name.constant}" is not an address. Leave out ":${tag.name}".`);
    return undefined;
  }
  return part === "notify" ? notifyWords.map(notifySource) : [(run) => run.envelope[part]];
}

function addressSource(part: EnvelopePart, partOfAddress: (address: string) => string | undefined): ValueSource {
  return (run) => {
    const address = run.envelope[part];
    return address === undefined ? undefined : partOfAddress(address);
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

/** RFC 3461 4.1. */
const notifyWords = ["NEVER", "SUCCESS", "FAILURE", "DELAY"];

/** Each word of a NOTIFY is a value of its own. */
function notifySource(word: string): ValueSource {
  return (run) => (run.envelope.notify?.toUpperCase().split(",").includes(word) ? word : undefined);
}
