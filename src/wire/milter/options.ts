/** Negotiation: what the MTA offers, what is needed of it, and what both rely on afterwards (milter protocol 2 to 6). */
import { ProtocolError } from "../protocol-error.ts";
import { SMFIC, SMFIF, SMFIM, SMFIP } from "./codes.ts";
import { wantedMacros } from "./macros.ts";
import { encodePacket, numberAt } from "./packet.ts";
import type { Modification } from "./response.ts";

/** What an MTA offers, and the part of it that a filter takes, which then holds for the whole connection. Sets of bits, as on the wire. */
export interface Negotiation {
  readonly version: number;
  /** SMFIF_*: what a filter may change. */
  readonly actions: number;
  /** SMFIP_*: which events are sent, and which are answered. */
  readonly protocol: number;
}

/** The events that an MTA can be asked to leave out or to send without waiting. */
export type EventKind = "connect" | "helo" | "mail" | "rcpt" | "data" | "header" | "endOfHeader" | "body" | "unknown";

export interface Requirements {
  /** Events whose response can be other than `continue`. */
  readonly replied: readonly EventKind[];
  /** Events that are only listened to. Those in neither list are left out. */
  readonly noReply: readonly EventKind[];
  readonly modifications: readonly Modification["kind"][];
  /** Also recipients that the MTA itself has refused. */
  readonly refusedRecipients: boolean;
}

const newestVersion = 6;
const oldestVersion = 2;

const offerOctets = 12;

export function decodeOffer(data: string): Negotiation {
  if (data.length < offerOctets) throw new ProtocolError(`an offer of ${data.length} octets`);
  return { version: numberAt(data, 0, 4), actions: numberAt(data, 4, 4), protocol: numberAt(data, 8, 4) };
}

/** Nothing is in the answer that is not in the offer: Sendmail and Postfix refuse different excesses. */
export function negotiate(offer: Negotiation, requirements: Requirements): Negotiation {
  if (offer.version < oldestVersion) throw new ProtocolError(`milter protocol version ${offer.version}`);
  let actions: number = SMFIF.SETSYMLIST;
  for (const kind of requirements.modifications) actions |= actionOf[kind];
  let protocol: number = SMFIP.SKIP;
  if (requirements.refusedRecipients) protocol |= SMFIP.RCPT_REJ;
  for (const [event, { none, noReply }] of eventEntries) {
    if (requirements.replied.includes(event)) continue;
    // An event that is left out will not be answered either, should the MTA be unable to leave it out.
    protocol |= requirements.noReply.includes(event) ? noReply : none | noReply;
  }
  return {
    version: Math.min(newestVersion, offer.version),
    actions: actions & offer.actions,
    protocol: protocol & offer.protocol,
  };
}

export function encodeOptions({ version, actions, protocol }: Negotiation): Buffer {
  const takesLists = (actions & SMFIF.SETSYMLIST) !== 0;
  const data = Buffer.alloc(offerOctets + (takesLists ? symbolLists.length : 0));
  data.writeUInt32BE(version, 0);
  data.writeUInt32BE(actions, 4);
  data.writeUInt32BE(protocol, 8);
  if (takesLists) data.set(symbolLists, offerOctets);
  return encodePacket(SMFIC.OPTNEG, data);
}

/** A reply to an event of which this is `false`, or no reply to another one, puts both sides out of step for good. */
export function isAnswered(event: EventKind, { protocol }: Negotiation): boolean {
  return (protocol & events[event].noReply) === 0;
}

export function mayModify(kind: Modification["kind"], { actions }: Negotiation): boolean {
  return (actions & actionOf[kind]) !== 0;
}

/** Whether the MTA takes `skip` as an answer to a part of the body. */
export function maySkip({ protocol }: Negotiation): boolean {
  return (protocol & SMFIP.SKIP) !== 0;
}

const actionOf: Readonly<Record<Modification["kind"], number>> = {
  addHeader: SMFIF.ADDHDRS,
  addRecipient: SMFIF.ADDRCPT,
  addRecipientWithParameters: SMFIF.ADDRCPT_PAR,
  deleteRecipient: SMFIF.DELRCPT,
  changeSender: SMFIF.CHGFROM,
};

const events: Readonly<Record<EventKind, { readonly none: number; readonly noReply: number }>> = {
  connect: { none: SMFIP.NOCONNECT, noReply: SMFIP.NR_CONN },
  helo: { none: SMFIP.NOHELO, noReply: SMFIP.NR_HELO },
  mail: { none: SMFIP.NOMAIL, noReply: SMFIP.NR_MAIL },
  rcpt: { none: SMFIP.NORCPT, noReply: SMFIP.NR_RCPT },
  body: { none: SMFIP.NOBODY, noReply: SMFIP.NR_BODY },
  header: { none: SMFIP.NOHDRS, noReply: SMFIP.NR_HDR },
  endOfHeader: { none: SMFIP.NOEOH, noReply: SMFIP.NR_EOH },
  unknown: { none: SMFIP.NOUNKNOWN, noReply: SMFIP.NR_UNKN },
  data: { none: SMFIP.NODATA, noReply: SMFIP.NR_DATA },
};

// `Object.entries` forgets the key type; the record above has these keys and no others.
const eventEntries = Object.entries(events) as [EventKind, (typeof events)[EventKind]][];

const symbolLists = Buffer.concat([
  symbolList(SMFIM.CONNECT, wantedMacros.connect),
  symbolList(SMFIM.HELO, wantedMacros.helo),
  symbolList(SMFIM.ENVFROM, wantedMacros.mail),
  symbolList(SMFIM.ENVRCPT, wantedMacros.rcpt),
  symbolList(SMFIM.DATA, wantedMacros.data),
  symbolList(SMFIM.EOM, wantedMacros.endOfMessage),
]);

function symbolList(stage: number, macros: readonly string[]): Buffer {
  const names = macros.map((name) => (name.length === 1 ? name : `{${name}}`)).join(" ");
  const list = Buffer.alloc(4 + names.length + 1);
  list.writeUInt32BE(stage);
  list.write(names, 4, "latin1");
  return list;
}
