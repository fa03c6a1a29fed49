/** Which SMTP session a policy request belongs to, and what it says of the client. */
import { canonicalIp } from "../../mail/ip.ts";
import { portOf, smtpPort } from "../../mail/port.ts";
import { keyText } from "../../stage/bounded-key.ts";
import { noCertificate, type Peer } from "../../stage/session.ts";
import type { Credentials } from "../../stage/smtp-command.ts";
import { isLonger } from "../../text/octets.ts";
import type { PolicyRequest } from "../../wire/policy.ts";

/**
 * The same for all requests of one SMTP session, whichever connection they come on. `undefined`: nothing tells this request's session
 * from others. Else it is a string of its own, which keeps no request alive.
 */
export function sessionKey(listener: string, request: PolicyRequest): string | undefined {
  const { clientAddress, clientPort, serverAddress, serverPort } = request;
  const port = portOf(clientPort);
  if (clientAddress !== "" && clientAddress !== "unknown" && port !== 0) {
    return keyText([listener, clientAddress, port, serverAddress, portOf(serverPort)].join(" "));
  }
  const message = messageOf(request);
  return message === "" ? undefined : [listener, "instance", message].join(" ");
}

/** Names the message, the same on every node; `""`: nothing does (yet), as with MTAs that send no instance. */
export function messageOf({ instance }: PolicyRequest): string {
  return keyText(instance);
}

export interface PolicyListener {
  /** Its name. */
  readonly listener: string;
  /** Whether an address is in trusted-networks. */
  readonly isTrusted: (address: string) => boolean;
  /** `local-port`, which wins over what the MTA says. */
  readonly localPort: () => number | undefined;
}

/** Of a host name (RFC 1035 2.3.4), and more than an address takes. */
const maxNameOctets = 255;

/** What is too long to be a host is none. */
const bounded = (text: string) => (isLonger(text, maxNameOctets) ? "" : text);

export function peerOf(request: PolicyRequest, { listener, isTrusted, localPort }: PolicyListener): Peer {
  const address = canonicalIp(request.clientAddress);
  return {
    listener,
    client: {
      address,
      name: request.clientName === "unknown" ? "" : bounded(request.clientName),
      port: portOf(request.clientPort),
    },
    server: {
      address: canonicalIp(request.serverAddress) ?? bounded(request.serverAddress),
      port: localPort() ?? (portOf(request.serverPort) || smtpPort),
    },
    trusted: address !== undefined && isTrusted(address),
  };
}

export function credentialsOf(request: PolicyRequest): Credentials {
  const { encryptionProtocol, encryptionCipher, saslUsername, ccertSubject, ccertIssuer, ccertFingerprint } = request;
  const isEmpty = ccertSubject === "" && ccertFingerprint === "";
  return {
    tls: encryptionProtocol !== "",
    tlsVersion: encryptionProtocol,
    tlsCipher: encryptionCipher,
    login: saslUsername,
    certificate: isEmpty ? noCertificate : { subject: ccertSubject, issuer: ccertIssuer, fingerprint: ccertFingerprint },
  };
}
