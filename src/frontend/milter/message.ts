/** A message, from a MAIL that passed to its end, and what is changed at its end. A reload changes nothing about it. */
import { canonicalAddress } from "../../mail/address.ts";
import type { Path } from "../../mail/path.ts";
import type { Header } from "../../stage/admission.ts";
import type { Transaction } from "../../stage/session.ts";
import type { StageResult } from "../../stage/stage-result.ts";
import { mayModify, type Negotiation } from "../../wire/milter/options.ts";
import type { Modification } from "../../wire/milter/response.ts";
import type { CommandRun } from "./command-run.ts";
import { type Accepted, changeOfSender, changesOfRecipients } from "./recipient-changes.ts";

interface Changeable {
  /** Anything of it. */
  readonly isChanged: boolean;
  /** Recipients and the sender. */
  readonly isRewritten: boolean;
  /** It is submitted by a program of the machine. */
  readonly isLocal: boolean;
}

export class Message {
  readonly sender: Path;
  readonly #isChanged: boolean;
  readonly #isLocal: boolean;
  /** Recipients and the sender may be changed at its end. */
  readonly isRewritten: boolean;
  /** By spelling; only where they may be changed. */
  readonly #recipients = new Map<string, Accepted>();
  /** That the message is to get. */
  readonly #headers: Header[] = [];

  constructor(sender: Path, { isChanged, isRewritten, isLocal }: Changeable) {
    this.sender = sender;
    this.#isChanged = isChanged;
    this.#isLocal = isLocal;
    this.isRewritten = isRewritten;
  }

  /** A recipient that the MTA has, refused or not. One of which nothing is known stays as given. */
  accept({ command: { path, parameters }, smtp, terms }: CommandRun, { verdict, headers = [] }: StageResult): void {
    if (this.#isChanged) this.#headers.push(...headers);
    // Removing a recipient removes it as often as it was given.
    if (!this.isRewritten || this.#recipients.has(path.withoutRoute)) return;
    if (verdict.kind !== "pass" && !smtp.hasRoom(terms)) return;
    const resolved = smtp.session.transaction?.given?.get(canonicalAddress(path.address)) ?? [];
    this.#recipients.set(path.withoutRoute, { path, parameters, resolved });
    smtp.keeps([path.withoutRoute, ...parameters]);
  }

  /** `onUnwritable` hears of recipients that stay as they are. */
  changes(
    { sender, mailFrom }: Transaction,
    negotiated: Negotiation,
    onUnwritable: (recipient: Accepted) => void,
  ): readonly Modification[] {
    const headers = mayModify("addHeader", negotiated) ? this.#headers : [];
    const ofHeaders = headers.map((header): Modification => ({ kind: "addHeader", ...header }));
    if (!this.isRewritten) return ofHeaders;
    const withParameters = mayModify("addRecipientWithParameters", negotiated);
    const options = { withParameters, isLocal: this.#isLocal };
    const { modifications, unwritable } = changesOfRecipients([...this.#recipients.values()], options);
    unwritable.forEach(onUnwritable);
    // Of a sender that is too long the transaction has neither.
    const isSame = sender === mailFrom || !mayModify("changeSender", negotiated);
    const from = isSame ? undefined : changeOfSender(this.sender, sender);
    return [...modifications, ...(from === undefined ? [] : [from]), ...ofHeaders];
  }
}
