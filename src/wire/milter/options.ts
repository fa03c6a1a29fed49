/** Negotiation: what the MTA offers, what is needed of it, and what both rely on afterwards (milter protocol 2 to 6). */
import { ProtocolError } from "../protocol-error.ts";
import { encodePacket } from "./packet.ts";
import type { Edit } from "./response.ts";

/** What an MTA offers, and the part of it that a filter takes, which then holds for the whole connection. Sets of bits, as on the wire. */
export interface Options {
  readonly version: number;
  /** SMFIF_*: what a filter may change. */
  readonly actions: number;
  /** SMFIP_*: which events are sent, and which are answered. */
  readonly protocol: number;
}

/** The events that an MTA can be asked to leave out or to send without waiting. */
export type EventKind = "connect" | "helo" | "mail" | "rcpt" | "data" | "header" | "endOfHeader" | "body" | "unknown";

export interface Wants {
  /** Events whose response can be other than `continue`. */
  readonly answered: readonly EventKind[];
  /** Events that are only listened to. Those in neither list are not wanted. */
  readonly heard: readonly EventKind[];
  readonly edits: readonly Edit["kind"][];
  /** Also recipients that the MTA itself has refused. */
  readonly refusedRecipients: boolean;
}

const newestVersion = 6;
const oldestVersion = 2;

const offerOctets = 12;

export function decodeOffer(data: Buffer): Options {
  if (data.length < offerOctets) throw new ProtocolError(`an offer of ${data.length} octets`);
  return { version: data.readUInt32BE(0), actions: data.readUInt32BE(4), protocol: data.readUInt32BE(8) };
}

/** Nothing is in the answer that is not in the offer: Sendmail and Postfix refuse different excesses. */
export function negotiate(offer: Options, wants: Wants): Options {
  if (offer.version < oldestVersion) throw new ProtocolError(`milter protocol version ${offer.version}`);
  let actions = setSymbolList;
  for (const edit of wants.edits) actions |= actionOf[edit];
  let protocol = skip;
  if (wants.refusedRecipients) protocol |= refusedRecipients;
  for (const [event, { none, noReply }] of eventEntries) {
    if (wants.answered.includes(event)) continue;
    // An event that is left out will not be answered either, should the MTA be unable to leave it out.
    protocol |= wants.heard.includes(event) ? noReply : none | noReply;
  }
  return {
    version: Math.min(newestVersion, offer.version),
    actions: actions & offer.actions,
    protocol: protocol & offer.protocol,
  };
}

export function encodeOptions({ version, actions, protocol }: Options): Buffer {
  const bits = Buffer.alloc(offerOctets);
  bits.writeUInt32BE(version, 0);
  bits.writeUInt32BE(actions, 4);
  bits.writeUInt32BE(protocol, 8);
  const lists = (actions & setSymbolList) === 0 ? [] : symbolLists;
  return encodePacket("O", Buffer.concat([bits, ...lists])); // SMFIC_OPTNEG
}

/** A reply to an event of which this is `false`, or no reply to another one, puts both sides out of step for good. */
export function isAnswered(event: EventKind, { protocol }: Options): boolean {
  return (protocol & events[event].noReply) === 0;
}

export function mayEdit(edit: Edit["kind"], { actions }: Options): boolean {
  return (actions & actionOf[edit]) !== 0;
}

/** Whether the MTA takes `skip` as an answer to a part of the body. */
export function maySkip({ protocol }: Options): boolean {
  return (protocol & skip) !== 0;
}

const actionOf: Readonly<Record<Edit["kind"], number>> = {
  addHeader: 0x1, // SMFIF_ADDHDRS
  insertHeader: 0x1, // SMFIF_ADDHDRS
  replaceBody: 0x2, // SMFIF_CHGBODY
  addRecipient: 0x4, // SMFIF_ADDRCPT
  deleteRecipient: 0x8, // SMFIF_DELRCPT
  changeHeader: 0x10, // SMFIF_CHGHDRS
  changeSender: 0x40, // SMFIF_CHGFROM
  addRecipientWithParameters: 0x80, // SMFIF_ADDRCPT_PAR
};

const setSymbolList = 0x100; // SMFIF_SETSYMLIST

const events: Readonly<Record<EventKind, { readonly none: number; readonly noReply: number }>> = {
  connect: { none: 0x1, noReply: 0x1000 }, // SMFIP_NOCONNECT, SMFIP_NR_CONN
  helo: { none: 0x2, noReply: 0x2000 }, // SMFIP_NOHELO, SMFIP_NR_HELO
  mail: { none: 0x4, noReply: 0x4000 }, // SMFIP_NOMAIL, SMFIP_NR_MAIL
  rcpt: { none: 0x8, noReply: 0x8000 }, // SMFIP_NORCPT, SMFIP_NR_RCPT
  body: { none: 0x10, noReply: 0x80000 }, // SMFIP_NOBODY, SMFIP_NR_BODY
  header: { none: 0x20, noReply: 0x80 }, // SMFIP_NOHDRS, SMFIP_NR_HDR
  endOfHeader: { none: 0x40, noReply: 0x40000 }, // SMFIP_NOEOH, SMFIP_NR_EOH
  unknown: { none: 0x100, noReply: 0x20000 }, // SMFIP_NOUNKNOWN, SMFIP_NR_UNKN
  data: { none: 0x200, noReply: 0x10000 }, // SMFIP_NODATA, SMFIP_NR_DATA
};

// `Object.entries` forgets the key type; the record above has these keys and no others.
const eventEntries = Object.entries(events) as [EventKind, (typeof events)[EventKind]][];

const skip = 0x400; // SMFIP_SKIP
const refusedRecipients = 0x800; // SMFIP_RCPT_REJ

/**
 * What is asked for replaces the MTA's own choice, so each list is whole. The client's login and cipher come at MAIL too, for an MTA
 * that sends no macros of a HELO which it leaves out; `rcpt_*` tell a recipient that the MTA has refused.
 */
const symbolLists: readonly Buffer[] = [
  symbolList(
    0, // SMFIM_CONNECT
    "j {client_addr} {client_name} {client_port} {client_resolve} {daemon_name} {daemon_addr} {daemon_port} {if_addr}",
  ),
  symbolList(1, "{tls_version} {cipher}"), // SMFIM_HELO
  symbolList(2, "i {auth_authen} {tls_version} {cipher}"), // SMFIM_ENVFROM
  symbolList(3, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"), // SMFIM_ENVRCPT
  symbolList(4, "i"), // SMFIM_DATA
  symbolList(5, "i"), // SMFIM_EOM
];

function symbolList(stage: number, names: string): Buffer {
  const list = Buffer.alloc(4 + names.length + 1);
  list.writeUInt32BE(stage);
  list.write(names, 4, "latin1");
  return list;
}
