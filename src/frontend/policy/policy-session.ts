/** Which SMTP session, and which transaction in it, a policy request belongs to. */
import { canonicalIp } from "../../mail/ip.ts";
import { portOf, smtpPort } from "../../mail/port.ts";
import { openSession, type Session } from "../../stage/session.ts";
import type { PolicyRequest } from "../../wire/policy.ts";
import type { RememberedTransaction } from "./session-memory.ts";

/** `undefined`: nothing tells this request's session from others. */
export function sessionKey({ clientAddress, clientPort, instance }: PolicyRequest): string | undefined {
  const hasAddress = clientAddress !== "" && clientAddress !== "unknown";
  if (hasAddress && portOf(clientPort) !== 0) return `${clientAddress} ${portOf(clientPort)}`;
  return instance === "" ? undefined : `instance ${instance}`;
}

export interface Surroundings {
  readonly listener: string;
  readonly isTrusted: (address: string) => boolean;
  /** Wins over what the MTA says. */
  readonly localPort: number | undefined;
}

/** `copy` is applied to each text that is part of the request. */
export function sessionOf(
  request: PolicyRequest,
  { listener, isTrusted, localPort }: Surroundings,
  copy: (text: string) => string,
): Session {
  const address = canonicalIp(request.clientAddress);
  return openSession(
    {
      listener,
      protocol: "smtp",
      client: {
        address: address === undefined ? undefined : copy(address),
        name: request.clientName === "unknown" ? "" : copy(request.clientName),
        port: portOf(request.clientPort),
      },
      server: {
        address: copy(canonicalIp(request.serverAddress) ?? request.serverAddress),
        port: localPort ?? (portOf(request.serverPort) || smtpPort),
      },
      trusted: address !== undefined && isTrusted(address),
    },
    copy(request.saslUsername),
    request.encryptionProtocol !== "",
  );
}

/** `session` is as the request has it: its name, login and TLS are those of now. */
export function belongsTo(transaction: RememberedTransaction, request: PolicyRequest, session: Session): boolean {
  const { sender, helo, login, tls } = transaction;
  if (sender !== request.sender || helo !== session.helo || login !== session.login || tls !== session.tls) return false;
  if (transaction.instance !== "") return transaction.instance === request.instance;
  // MAIL again is a new message once recipients have come; without MAIL and without an instance every recipient is on its own.
  return request.protocolState === "RCPT" ? transaction.hasMail : !transaction.hasRcpt;
}
