/** What a client of each protocol says, as an MTA would: Postfix's policy delegation, the milter protocol, socketmap. */
import { eventFlags, frame, strings, uint32 } from "../../support/milter-frames.ts";
import { addressOf, type Mail, mailboxes, mailOf } from "./mail.ts";

/** Yields what is sent up to the next reply that is waited for, and gets that reply; returns whether the client is content with them. */
export type Dialogue = Generator<Buffer, boolean, Buffer>;

export interface Protocol {
  /** The octets of the first whole reply in what was received; 0: none is whole. */
  replyLength(received: Buffer): number;
  /** `run` is another one each time that the same numbers are asked about again. */
  dialogue(number: number, run: number): Dialogue;
  /** Sent after a dialogue, before its connection is closed. Left out: the next dialogue has the same connection. */
  readonly farewell?: Buffer;
}

export type ProtocolName = "policy" | "milter, all replies" | "milter, no-reply" | "socketmap";

const quit = frame("Q");
const nothing = Buffer.alloc(0);

export const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  policy: { replyLength: blockLength, dialogue: askPolicy },
  "milter, all replies": { replyLength: packetLength, dialogue: (number, run) => talkMilter(number, run, 0), farewell: quit },
  "milter, no-reply": { replyLength: packetLength, dialogue: (number, run) => talkMilter(number, run, 0x1fffff), farewell: quit },
  socketmap: { replyLength: netstringLength, dialogue: askSocketmap },
};

function blockLength(received: Buffer): number {
  const end = received.indexOf("\n\n");
  return end < 0 ? 0 : end + 2;
}

export function policyRequest(number: number, run: number): Buffer {
  const mail = mailOf(number, run);
  return rcptRequest({ ...mail, helo: mail.name, instance: `${run}.67000000.${number.toString(16)}.0` });
}

interface Rcpt extends Pick<Mail, "client" | "port" | "name" | "sender" | "recipient"> {
  readonly helo: string;
  /** One of each session. */
  readonly instance: string;
}

/** The first request of an SMTP session, at RCPT, as Postfix 3.7 sends it. */
export function rcptRequest({ client, port, name, helo, sender, recipient, instance }: Rcpt): Buffer {
  return Buffer.from(
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n" +
      `client_address=${client}\nclient_name=${name}\nclient_port=${port}\nreverse_client_name=${name}\n` +
      `server_address=192.0.2.25\nserver_port=25\nhelo_name=${helo}\nsender=${sender}\nrecipient=${recipient}\n` +
      `recipient_count=0\nqueue_id=\ninstance=${instance}\nsize=90000\netrn_domain=\nstress=\n` +
      "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n" +
      "encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n",
  );
}

function* askPolicy(number: number, run: number): Dialogue {
  const reply = yield policyRequest(number, run);
  return reply.includes("=DUNNO\n");
}

const maxNetstringDigits = 6;

function netstringLength(received: Buffer): number {
  const colon = received.subarray(0, maxNetstringDigits).indexOf(":");
  if (colon < 0) return 0;
  const length = colon + 1 + Number(received.toString("latin1", 0, colon)) + 1;
  return received.length < length ? 0 : length;
}

function* askSocketmap(number: number): Dialogue {
  const question = `recipients ${addressOf((number * 7919) % mailboxes)}`;
  const reply = yield Buffer.from(`${question.length}:${question},`);
  return reply.includes(":OK ");
}

/** Of the first whole packet; 0: none is whole. */
export function packetLength(received: Buffer): number {
  const length = received.length < 4 ? 0 : received.readUInt32BE() + 4;
  return received.length < length ? 0 : length;
}

interface Step {
  readonly letter: string;
  readonly macros: readonly string[];
  readonly data: string;
}

const body = "This is a line of the body of a message, as long as most of them are.\r\n".repeat(57);

const headers = [
  ["Received", " from mx.example.com (mx.example.com [192.0.2.7])\n\tby mail.example.net with ESMTPS; Sat, 21 Nov 2026 12:00:00 +0000"],
  ["DKIM-Signature", ` v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k1;\n\th=From:To:Subject:Date; b=${"A".repeat(172)}`],
  ["Date", " Sat, 21 Nov 2026 12:00:00 +0000"],
  ["From", ' "A User" <user@example.org>'],
  ["To", " <first.last@dept1.example.net>"],
  ["Subject", " A message of the load run, with a subject of usual length"],
  ["Message-ID", " <20261121.120000.1@example.org>"],
  ["MIME-Version", " 1.0"],
  ["Content-Type", ' text/plain; charset="utf-8"'],
  ["Content-Transfer-Encoding", " 8bit"],
  ["X-Mailer", " Example 1.0"],
  ["List-Unsubscribe", " <https://news.example.org/unsubscribe/0123456789>"],
] as const;

/** One message to two recipients, of which one in ten messages has an unknown one. */
function milterSession(number: number, run: number): readonly Step[] {
  const { client, port, name, sender, recipient } = mailOf(number * 2 + 1, run);
  const second = addressOf((number * 7919 + 1) % mailboxes);
  const queueId = ["i", `4${number.toString(16).padStart(10, "0")}`];
  const recipientStep = (address: string, macros: readonly string[]): Step => ({
    letter: "R",
    macros: [...macros, "{rcpt_addr}", address, "{rcpt_host}", "dept.example.net", "{rcpt_mailer}", "smtp"],
    data: strings(`<${address}>`, `ORCPT=rfc822;${address}`),
  });
  return [
    {
      letter: "C",
      macros: ["j", "mail.example.net", "{daemon_name}", "mail.example.net", "{daemon_addr}", "192.0.2.25", "v", "Postfix 3.7.11"],
      data: `${strings(name)}4${String.fromCharCode(port >> 8, port & 255)}${strings(client)}`,
    },
    {
      letter: "H",
      macros: ["{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256"],
      data: strings(name),
    },
    {
      letter: "M",
      macros: ["{mail_addr}", sender, "{mail_host}", "news.example.org", "{mail_mailer}", "smtp"],
      data: strings(`<${sender}>`, "SIZE=5300", "BODY=8BITMIME"),
    },
    recipientStep(recipient, []),
    recipientStep(second, queueId),
    { letter: "T", macros: queueId, data: "" },
    ...headers.map(([field, value]) => ({ letter: "L", macros: [], data: strings(field, value) })),
    { letter: "N", macros: queueId, data: "" },
    { letter: "B", macros: [], data: body },
    { letter: "E", macros: queueId, data: "" },
  ];
}

/** The packets of each step, up to one that is answered; the negotiation and QUIT are left to the caller. */
export function* milterPackets(number: number, run: number, protocol: number): Generator<Buffer> {
  const waiting: Buffer[] = [];
  for (const { letter, macros, data } of milterSession(number, run)) {
    const [none, noReply] = eventFlags[letter] ?? [0, 0];
    if ((protocol & none) !== 0) continue;
    if (macros.length > 0) waiting.push(frame("D", letter + strings(...macros)));
    waiting.push(frame(letter, data));
    if ((protocol & noReply) === 0) yield Buffer.concat(waiting.splice(0));
  }
}

/** Version 6 with all actions, as Postfix and Sendmail offer them; `protocol`: what the filter may leave out. */
export const milterOffer = (protocol: number): Buffer => frame("O", uint32(6) + uint32(0x1ff) + uint32(protocol));

function* talkMilter(number: number, run: number, offered: number): Dialogue {
  const options = yield milterOffer(offered);
  let reply = options;
  for (const packets of milterPackets(number, run, options.readUInt32BE(13))) {
    reply = yield packets;
    if (!"csy".includes(letterOf(reply)) && !"+-2eh".includes(letterOf(reply))) return false;
  }
  // Changes come before the verdict on the message.
  while ("+-2eh".includes(letterOf(reply))) reply = yield nothing;
  return letterOf(reply) === "c";
}

const letterOf = (packet: Buffer) => packet.toString("latin1", 4, 5);
