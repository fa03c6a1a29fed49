/**
 * Senders that differ from message to message, folded to what stays the same: signed and forwarded return paths (BATV, SRS),
 * return paths that name the recipient or the message (VERP).
 */

/** `sender` canonical. The result is for comparing and for people, not for sending to. */
export function foldSender(sender: string): string {
  const at = sender.lastIndexOf("@");
  if (at < 0) return sender;
  return `${foldLocalPart(sender.slice(0, at))}${sender.slice(at)}`;
}

function foldLocalPart(local: string): string {
  const [author, forwarder = ""] = withoutSrs(withoutBatv(local));
  return `${forwarder}${withoutRuns(withoutDetail(author))}`;
}

/** draft-levine-smtp-batv, in both orders that are in use, and the form of Barracuda. */
function withoutBatv(local: string): string {
  const [, behind, before, barracuda] = /^(?:prvs=[\da-f]{10}[=/](.+)|prvs=(.+)[=/][\da-f]{10}|btv1==[^=]*==(.+))$/.exec(local) ?? [];
  return behind ?? before ?? barracuda ?? local;
}

/** The digest and the day of an SRS address change; who wrote, and by which hosts it was forwarded, does not. */
function withoutSrs(local: string): readonly [author: string, forwarder?: string] {
  const [, domain = "", author] = /^srs0[=+-][^=]*=[^=]*=([^=]+)=(.+)$/.exec(local) ?? [];
  if (author !== undefined) return [author, `srs0=${domain}=`];
  const [, host = "", first = "", writer] = /^srs1[=+-][^=]*=([^=]+)=[=+-][^=]*=[^=]*=([^=]+)=(.+)$/.exec(local) ?? [];
  return writer === undefined ? [local] : [writer, `srs1=${host}=${first}=`];
}

/** `list+tag` to `list`, and `list-user=domain.example` to `list-=`. */
function withoutDetail(local: string): string {
  const plus = local.indexOf("+");
  const plain = plus > 0 ? local.slice(0, plus) : local;
  // Not by one expression, whose time would grow with the square of the length.
  const equals = plain.lastIndexOf("=");
  if (!/^[^=]+\.[a-z\d-]+$/.test(plain.slice(equals + 1))) return plain;
  const user = Math.max(plain.lastIndexOf("-", equals), plain.lastIndexOf("=", equals - 1)) + 1;
  return user < equals ? `${plain.slice(0, user)}=` : plain;
}

/** Numbers, and long tokens of hexadecimal digits, which number messages, too. */
function withoutRuns(local: string): string {
  return local.replace(/(?<![a-z\d])(?=[a-f]*\d)[a-f\d]{8,}(?![a-z\d])/g, "#").replace(/\d+/g, "#");
}
