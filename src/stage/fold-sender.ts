/**
 * Senders that differ from message to message, folded to what stays the same: signed and forwarded return paths (BATV, SRS),
 * return paths that name the recipient or the message (VERP, and whatever providers number their messages by).
 */

/** `sender` canonical. The result is for comparing and for people, not for sending to; folding it again changes nothing. */
export function foldSender(sender: string): string {
  const at = sender.lastIndexOf("@");
  if (at < 0) return sender;
  return `${foldLocalPart(sender.slice(0, at))}${sender.slice(at)}`;
}

function foldLocalPart(local: string): string {
  // Whatever is folded has one of these; `#` is from an earlier folding.
  if (!/[\d+=#]/.test(local)) return local;
  // It is neither signed nor forwarded.
  if (!local.includes("=")) return withoutIds(withoutDetail(local));
  // What one folding leaves may have a form that is folded, too.
  const folded = foldForms(local);
  return folded === local ? folded : foldLocalPart(folded);
}

function foldForms(local: string): string {
  const [author, forwarder = ""] = withoutSrs(withoutBatv(local));
  return `${forwarder}${withoutIds(withoutDetail(author))}`;
}

/** draft-levine-smtp-batv, in both orders that are in use, and the forms of Barracuda and SparkPost. */
function withoutBatv(local: string): string {
  const [, before] = /^prvs=(.+)[=/][\da-f]{10}$/.exec(local) ?? [];
  const [, after] = /^(?:prvs=[\da-f]{10}[=/]|btv1==[^=]*==|msprvs1=[^=]*=)(.+)$/.exec(local) ?? [];
  return after ?? before ?? local;
}

/** The digest and the day of an SRS address change; who wrote, and by which hosts it was forwarded, does not. The form stays. */
function withoutSrs(local: string): readonly [author: string, forwarder?: string] {
  const [, domain = "", author] = /^srs0[=+-][^=]*=[^=]*=([^=]+)=(.+)$/.exec(local) ?? [];
  if (author !== undefined) return [author, `srs0=#=#=${domain}=`];
  const [, host = "", first = "", writer] = /^srs1[=+-][^=]*=([^=]+)=[=+-][^=]*=[^=]*=([^=]+)=(.+)$/.exec(local) ?? [];
  return writer === undefined ? [local] : [writer, `srs1=#=${host}==#=#=${first}=`];
}

/** `list+tag` to `list`, and `list-user=domain.example` to `list-=`. */
function withoutDetail(local: string): string {
  const plus = local.indexOf("+");
  const plain = plus > 0 ? local.slice(0, plus) : local;
  // Not by one expression, whose time would grow with the square of the length.
  const equals = plain.lastIndexOf("=");
  if (equals < 0) return plain;
  if (!/^[^=]+\.[a-z\d-]+$/.test(plain.slice(equals + 1))) return plain;
  const user = Math.max(plain.lastIndexOf("-", equals), plain.lastIndexOf("=", equals - 1)) + 1;
  return user < equals ? `${plain.slice(0, user)}=` : plain;
}

/** What numbers a message: digits, UUIDs and other groups of hexadecimal digits, tokens in which letters and digits take turns. */
function withoutIds(local: string): string {
  if (local.length < minGroupedLength && !mayHaveId.test(local)) return local.replace(numbers, "#");
  // Tokens at even places, what separates them at odd ones.
  const parts = local.split(/([^\p{L}\p{N}]+)/u);
  let folded = "";
  for (let index = 0; index < parts.length; ) {
    const end = endOfHexGroups(parts, index);
    if (isGroupedId(parts, index, end)) folded += "#";
    else for (let at = index; at < end; at += 1) folded += withoutNumber(parts[at] ?? "");
    folded += parts[end] ?? "";
    index = end + 1;
  }
  return folded.replace(numbers, "#");
}

/** Those that follow one another are one. `#` is a number that was folded. */
const numbers = /(?:\d+|#)(?:[-_.](?:\d+|#))*/g;

/** After the last token of those that are hexadecimal and follow one another; at least one token is taken. */
function endOfHexGroups(parts: readonly string[], start: number): number {
  let end = start + 1;
  while (isHex(parts[end - 1]) && /^[-_.]$/.test(parts[end] ?? "") && isHex(parts[end + 1])) end += 2;
  return end;
}

const minGroups = 3;
const minGroupedDigits = 16;
const minGroupedLength = minGroupedDigits + minGroups - 1;

/** Such as a UUID. Words that only use the first letters of the alphabet are too few and too short for it. */
function isGroupedId(parts: readonly string[], start: number, end: number): boolean {
  if (end - start < 2 * minGroups - 1) return false;
  const digits = parts.slice(start, end).filter(isHex).join("");
  return digits.length >= minGroupedDigits && /\d/.test(digits);
}

function withoutNumber(token: string): string {
  return isId(token) ? "#" : token.replace(/\d+/g, "#");
}

const minIdLength = 8;
const mayHaveId = new RegExp(`[a-z\\d]{${minIdLength}}`);
/** No word has so many letters and digits in turns, however few these are. */
const longIdLength = 16;

function isId(token: string): boolean {
  if (token.length < minIdLength || !/\d/.test(token) || !/^[a-z\d]+$/.test(token)) return false;
  // A name with a year at its end is none: its letters stand together.
  const turns = token.match(/[a-z]+|\d+/g)?.length ?? 0;
  return isHex(token) || token.length >= longIdLength ? turns > 2 : turns * 3 > token.length;
}

function isHex(token: string | undefined): boolean {
  return token !== undefined && /^[a-f\d]+$/.test(token);
}
