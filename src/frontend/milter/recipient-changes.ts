/**
 * Changes at the end of a message: the recipients that the client gave, against all that they resolve to. It is one set for the whole
 * message, so that what two recipients share is delivered once, and nobody is lost when they take each other's place.
 */
import { canonicalAddress, formatAddress } from "../../mail/address.ts";
import { formatPath, type Path } from "../../mail/path.ts";
import { encodeXtext } from "../../mail/xtext.ts";
import { split } from "../../stage/parameters.ts";
import type { Modification } from "../../wire/milter/response.ts";

/** A recipient that was accepted. */
export interface Accepted {
  readonly path: Path;
  /** Parameters of RCPT, as sent. */
  readonly parameters: readonly string[];
  /** Where it goes, canonical. */
  readonly resolved: readonly string[];
}

export interface RecipientChanges {
  readonly modifications: readonly Modification[];
  /** Recipients that stay as they are, since an address that they resolve to cannot be written in SMTP. */
  readonly unwritable: readonly Accepted[];
}

interface ChangeOptions {
  /** Added recipients may carry the client's NOTIFY and ORCPT. */
  readonly withParameters: boolean;
  /** A program of the machine submits the message (`isLocalSubmission`). */
  readonly isLocal: boolean;
}

/** All deletions come before all additions. */
export function changesOfRecipients(recipients: readonly Accepted[], { withParameters, isLocal }: ChangeOptions): RecipientChanges {
  if (recipients.every(staysAsGiven)) return unchanged;
  const wanted = new Map<string, Accepted>();
  const unwritable: Accepted[] = [];
  for (const recipient of recipients) {
    const given = canonicalAddress(recipient.path.address);
    const isWritable = recipient.resolved.every((address) => address === given || formatPath(address) !== undefined);
    // A list of which one address cannot be written is not delivered in part, and a recipient that goes nowhere else stays.
    const targets = isWritable && recipient.resolved.length > 0 ? recipient.resolved : [given];
    if (!isWritable) unwritable.push(recipient);
    for (const address of targets) if (!wanted.has(address)) wanted.set(address, recipient);
  }

  const present = new Set(recipients.map(({ path }) => canonicalAddress(path.address)));
  const gone = recipients.filter(({ path }) => !wanted.has(canonicalAddress(path.address)));
  const spellings = new Set(gone.map(({ path }) => path.withoutRoute));
  if (isLocal) for (const spelling of withoutDomain(recipients, spellings)) spellings.add(spelling);
  const added = [...wanted].filter(([address]) => !present.has(address));
  return {
    modifications: [
      ...[...spellings].map((bytes): Modification => ({ kind: "deleteRecipient", bytes })),
      ...added.flatMap(([address, origin]) => addition(address, origin, withParameters)),
    ],
    unwritable,
  };
}

/**
 * Postfix completes the domain (`myorigin`) of what a program of the machine submits before it shows it to a milter, and deletes a recipient
 * as it was given. Which ones had none, nobody says; one that stays may be it, so that nothing of its name is deleted.
 */
function withoutDomain(recipients: readonly Accepted[], deleted: ReadonlySet<string>): ReadonlySet<string> {
  const ofStaying = new Set<string>();
  const ofDeleted: string[] = [];
  for (const { path } of recipients) {
    const at = path.withoutRoute.lastIndexOf("@");
    const spelling = at <= 0 ? path.withoutRoute : `${path.withoutRoute.slice(0, at)}>`;
    if (deleted.has(path.withoutRoute)) ofDeleted.push(spelling);
    else ofStaying.add(spelling);
  }
  return new Set(ofDeleted.filter((spelling) => !ofStaying.has(spelling)));
}

const unchanged: RecipientChanges = { modifications: [], unwritable: [] };

function staysAsGiven({ path, resolved }: Accepted): boolean {
  return resolved.length === 0 || (resolved.length === 1 && resolved[0] === canonicalAddress(path.address));
}

/** `rewritten` is canonical. `undefined`: it stays as it is, or cannot be written. */
export function changeOfSender(given: Path, rewritten: string): Modification | undefined {
  if (rewritten === canonicalAddress(given.address)) return undefined;
  const path = rewritten === "" ? "<>" : formatPath(rewritten);
  return path === undefined ? undefined : { kind: "changeSender", path, parameters: [] };
}

function addition(address: string, origin: Accepted, withParameters: boolean): readonly Modification[] {
  const path = formatPath(address);
  if (path === undefined) return [];
  const parameters = withParameters ? parametersOf(origin) : [];
  return [parameters.length === 0 ? { kind: "addRecipient", path } : { kind: "addRecipientWithParameters", path, parameters }];
}

/**
 * RFC 3461 5.2.1: the original recipient stays the one that the client said, or gave. None when the client sent none: it may not have
 * been offered DSN, and Sendmail, which then refuses them from a milter too, adds nobody and says nothing.
 */
function parametersOf({ path, parameters, resolved }: Accepted): readonly string[] {
  const given = (wanted: string) => parameters.map(split).find(({ keyword }) => keyword === wanted)?.value ?? "";
  const notify = resolved.length > 1 ? withoutSuccess(given("NOTIFY")) : given("NOTIFY");
  const original = given("ORCPT");
  if (notify === "" && original === "") return [];
  const address = formatAddress(path.address) ?? path.address;
  return [
    ...(/^[A-Za-z,]+$/.test(notify) ? [`NOTIFY=${notify}`] : []),
    ...(/^[\w-]+;[!-~]+$/.test(original) ? [`ORCPT=${original}`] : isAscii.test(address) ? [`ORCPT=rfc822;${encodeXtext(address)}`] : []),
  ];
}

/** RFC 3461 5.2.7: of a list, reports of success would name each member to the sender. */
function withoutSuccess(notify: string): string {
  const words = notify.split(",");
  const others = words.filter((word) => word.toUpperCase() !== "SUCCESS");
  return others.length === 0 ? "NEVER" : others.join(",");
}

const isAscii = /^[ -~]+$/;
