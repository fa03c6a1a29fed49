/** Keys of the test `envelope` that no address can match. */
import { domainOf } from "../../mail/address.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { withoutBrackets } from "../../mail/path.ts";
import { shorten } from "../../text/shorten.ts";
import type { Arguments, ScriptContext } from "../compile/definition.ts";
import { addressPartTag } from "../match/address-part.ts";
import { matchTypeOf } from "../match/match-type.ts";

/** To be called where addresses are tested. RFC 5228 5.4 would have them as the client wrote them; lists and databases have one form of each. */
export function warnOfKeys(args: Arguments, context: ScriptContext): void {
  const type = matchTypeOf(args);
  if (type === "count" || type === "regex" || type === "list") return;
  const part = addressPartTag(args)?.name ?? "all";
  const isOctet = args.tag("comparator")?.text().constant === "i;octet";
  for (const { constant = "", offset } of args.texts(1)) {
    const problem = formProblem(constant, part, isOctet) ?? partProblem(constant, part, type);
    if (problem !== undefined) context.warn(offset, problem);
  }
}

function formProblem(key: string, part: string, isOctet: boolean): string | undefined {
  const domain = part === "domain" ? key : (domainOf(key) ?? "");
  const labels = canonicalDomain(domain);
  if (labels !== domain.toLowerCase() && /[^\p{ASCII}]/u.test(domain)) {
    const written = key.slice(0, key.length - domain.length) + labels;
    return `domains have A-labels here, so "${shorten(key)}" matches none. Write "${shorten(written)}".`;
  }
  if (!isOctet || !/\p{Lu}/u.test(key)) return undefined;
  return `addresses are in lower case here, so "${shorten(key)}" matches none. Write it in lower case.`;
}

/** What belongs to another part, or to another match type. */
function partProblem(key: string, part: string, type: string): string | undefined {
  const bare = withoutBrackets(key);
  if (bare !== key) return `addresses have no brackets here, so "${shorten(key)}" matches none. Write "${shorten(bare)}".`;
  const domain = domainOf(key);
  if (part === "domain" && domain !== undefined) return `a domain has no @, so "${shorten(key)}" matches none. Write "${shorten(domain)}".`;
  if (type !== "is") return undefined;
  if (key.includes("*")) return `the whole of "${shorten(key)}" is compared, where * is a character like others. Write :matches.`;
  if (part === "domain" && key.startsWith(".")) {
    return `no domain begins with a dot, so "${shorten(key)}" matches none. Write :matches and "*${shorten(key)}".`;
  }
  if (part === "all" && key.startsWith("@") && domain !== "") {
    return `a whole address is compared, so "${shorten(key)}" matches none. Write :domain and "${shorten(domain ?? "")}".`;
  }
  return undefined;
}
