/** Lists of addresses as headers and the tables of MTAs have them (RFC 822 6.1), read as Postfix reads them. */
import { formatAddress, isPlain, parseAddress } from "./address.ts";

const token = /\s+|"(?:[^"\\]|\\.)*"|\[[^\][]*\]|\\.|[(),;:<>]|[^\s"\\[\](),;:<>]+/suy;
/** In aliases(5) a target may also be a command, a file, a file of addresses, or in Exim `:blackhole:`, each of which ends at a comma. */
const startOfTarget = new RegExp(`(?:[|/~]|:[a-z]+:)(?:"(?:[^"\\\\]|\\\\.)*"|[^",])*|${token.source}`, "isuy");

/**
 * Each address as it is written, with the quotes of its local part: without names, comments and the words of groups. Addresses are
 * separated by commas or, unlike in headers, by white space. One may be a name without a domain. `undefined`: it is no such list.
 */
export function parseAddressList(text: string): readonly string[] | undefined {
  return isPlain(text) ? [text] : parse(text, token);
}

/** The right side of an entry of aliases(5): such a list, in which a target may also be a command, a file or an `:include:`. */
export function parseTargets(text: string): readonly string[] | undefined {
  return isPlain(text) ? [text] : parse(text, startOfTarget);
}

/** `start`: what may come where nothing of the next target has been read. */
function parse(text: string, start: RegExp): readonly string[] | undefined {
  const addresses: string[] = [];
  /** Since the last separator: addresses, or the name in front of `<`. */
  let words: string[] = [];
  let isGap = true;
  let [isGroup, isAngle] = [false, false];
  let commentDepth = 0;
  for (let at = 0; at < text.length; ) {
    const pattern = words.length === 0 && commentDepth === 0 && !isAngle ? start : token;
    pattern.lastIndex = at;
    const [part] = pattern.exec(text) ?? [];
    if (part === undefined) return undefined;
    at += part.length;
    if (part === "(") commentDepth += 1;
    if (commentDepth > 0 || part.trim() === "") {
      if (part === ")") commentDepth -= 1;
      isGap = true;
    } else if (part === "<" && !isAngle) {
      words = [];
      isAngle = true;
    } else if (part === ">" && isAngle && words.length === 1) {
      addresses.push(...words);
      words = [];
      isAngle = false;
    } else if (isAngle && (part === "," || part === ":") && words.every((word) => word.startsWith("@"))) {
      // A route, which nobody follows any more.
      words = [];
    } else if (part === "," && !isAngle) {
      addresses.push(...words);
      words = [];
    } else if (part === ":" && !isAngle && !isGroup && words.length > 0) {
      words = [];
      isGroup = true;
    } else if (part === ";" && !isAngle) {
      addresses.push(...words);
      words = [];
      isGroup = false;
    } else if (/^[):;<>,]$/.test(part)) {
      return undefined;
    } else {
      const last = words.at(-1);
      const isSame = last !== undefined && (!isGap || last.endsWith("@") || (part.startsWith("@") && !last.includes("@")));
      if (isSame) words[words.length - 1] = last + part;
      else words.push(part);
      isGap = false;
    }
  }
  if (commentDepth > 0 || isGroup || isAngle) return undefined;
  return [...addresses, ...words];
}

/** The one address in such a list, canonical. `undefined`: it holds none, or several, or what nobody can have as an address. */
export function parseListedAddress(text: string): string | undefined {
  const [only = "", ...others] = parseAddressList(text) ?? [];
  const address = parseAddress(only);
  return others.length === 0 && formatAddress(address) !== undefined ? address : undefined;
}

/** An address as rules write it, without quotes, or as tables do, canonical. `undefined`: nobody can have it. */
export function parseWrittenAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return formatAddress(address) === undefined ? parseListedAddress(text) : address;
}
