/** What a CONNECT and macros say of the client. */
import { canonicalAddress, domainOf } from "../../mail/address.ts";
import { canonicalIp } from "../../mail/ip.ts";
import type { Path } from "../../mail/path.ts";
import { portOf, serverPort } from "../../mail/port.ts";
import { decodeXtext } from "../../mail/xtext.ts";
import { type ClientCertificate, noCertificate, type Peer } from "../../stage/session.ts";
import type { Credentials } from "../../stage/smtp-command.ts";
import type { Command } from "../../wire/milter/command.ts";
import type { Macros } from "../../wire/milter/macros.ts";

export interface MilterListener {
  readonly listener: string;
  readonly isTrusted: (address: string) => boolean;
  /** Wins over what the MTA says. */
  readonly localPort: number | undefined;
}

type Connect = Extract<Command, { kind: "connect" }>;

export function peerOfConnect({ host, client }: Connect, macros: Macros, { listener, isTrusted, localPort }: MilterListener): Peer {
  const isIp = client.family === "ip";
  const address = isIp ? client.address : undefined;
  const serverAddress = macros.get("daemon_addr") ?? macros.get("if_addr") ?? "";
  return {
    listener,
    client: { address, name: nameOf(host, macros), port: isIp ? client.port : 0 },
    server: { address: canonicalIp(serverAddress) ?? serverAddress, port: serverPort(localPort, portOf(macros.get("daemon_port"))) },
    trusted: isFromHere({ host, client }) || (address !== undefined && isTrusted(address)),
  };
}

/**
 * Whether Postfix asks about mail that did not come by SMTP (`non_smtpd_milters`): it gives a client of this machine without a port, of
 * IPv6 where it has no other protocol (`inet_protocols`). It cannot refuse one recipient of such a message, and would keep the whole of it
 * and ask again for ever.
 */
export function isLocalSubmission({ client: { address, port } }: Peer): boolean {
  return port === 0 && (address === "127.0.0.1" || address === "::1");
}

export function credentialsIn(macros: Macros): Credentials {
  const tlsVersion = macros.get("tls_version") ?? "";
  return {
    tls: tlsVersion !== "",
    tlsVersion,
    tlsCipher: macros.get("cipher") ?? "",
    login: macros.get("auth_authen") ?? "",
    certificate: certificateIn(macros),
  };
}

/** Postfix gives the names in a certificate as they are, if it trusts it; Sendmail those in any, encoded, and says whether it trusts it. */
function certificateIn(macros: Macros): ClientCertificate {
  const subject = macros.get("cert_subject") ?? "";
  const issuer = macros.get("cert_issuer") ?? "";
  const verified = macros.get("verify");
  if (subject === "" || (verified !== undefined && verified !== "OK")) return noCertificate;
  if (verified === undefined) return { subject, issuer, fingerprint: "" };
  return { subject: decodeXtext(subject), issuer: decodeXtext(issuer), fingerprint: "" };
}

/** `mistake`: the client should not have given such a recipient. */
export type RefusalByMta = "mistake" | "for-now";

/**
 * What Postfix refused the recipient as itself (SMFIP_RCPT_REJ): then the macros have the enhanced code and the reason in place of a
 * next hop and an address. The mailer alone is not enough, for a recipient that it accepted may be of the transport `error`, too.
 */
export function refusalByMta(macros: Macros, { address }: Path): RefusalByMta | undefined {
  if (macros.get("rcpt_mailer") !== "error") return undefined;
  const status = macros.get("rcpt_host") ?? "";
  if (!/^[45]\.\d{1,3}\.\d{1,3}$/.test(status)) return undefined;
  const reason = macros.get("rcpt_addr") ?? "";
  const domain = domainOf(canonicalAddress(reason));
  const isReason = domain === undefined || /\s/.test(reason) || domain !== domainOf(canonicalAddress(address));
  if (!isReason) return undefined;
  return status.startsWith("5") || isRelayDenial.test(reason) ? "mistake" : "for-now";
}

/** It is 454 4.7.1 as Postfix comes: `defer_unauth_destination`. */
const isRelayDenial = /\bRelay access denied$/;

/** Sendmail gives what a user of the machine submits at the command line so. */
function isFromHere({ host, client }: Pick<Connect, "host" | "client">): boolean {
  switch (client.family) {
    case "unix":
      return true;
    case "unknown":
      return host.toLowerCase() === "localhost";
    case "ip":
      return false;
  }
}

/** Only a name that was confirmed; an address in brackets stands for none. */
function nameOf(host: string, macros: Macros): string {
  const isConfirmed = (macros.get("client_resolve") ?? "OK") === "OK";
  return host.startsWith("[") || host === "unknown" || !isConfirmed ? "" : host;
}
