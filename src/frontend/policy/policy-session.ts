/** Which SMTP session a policy request belongs to, and what it says of the client. */
import { canonicalIp } from "../../mail/ip.ts";
import { portOf, serverPort } from "../../mail/port.ts";
import { keyText } from "../../stage/bounded-key.ts";
import { noCertificate, type Peer } from "../../stage/session.ts";
import type { Credentials } from "../../stage/smtp-command.ts";
import { type HashedKey, hashedKey } from "../../text/hashed-key.ts";
import { isLonger } from "../../text/octets.ts";
import type { PolicyRequest } from "../../wire/policy.ts";

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

/** Sessions of the requests of one listener. Most requests name the same server as the one before: what is made of it is made once. */
export class PolicySessions {
  readonly #listener: string;
  #serverAddress = "";
  #serverPort = "";
  #keyEnd: string | undefined;
  #server: Peer["server"] | undefined;
  #stranger = strangerBy("", "");

  constructor(listener: string) {
    this.#listener = listener;
  }

  /**
   * The same for all requests of one SMTP session, whichever connection they come on. `undefined`: nothing tells this request's session
   * from others. Else it is a string of its own, which keeps no request alive: V8 copies what `keyText` looks at.
   */
  nameOf(request: PolicyRequest): string | undefined {
    const { clientAddress, clientPort } = request;
    this.#look(request);
    this.#keyEnd ??= ["", request.serverAddress, portOf(request.serverPort), this.#listener].join(" ");
    const port = portOf(clientPort);
    if (clientAddress !== "" && clientAddress !== "unknown" && port !== 0) return keyText(`${clientAddress} ${clientPort}${this.#keyEnd}`);
    const message = messageOf(request);
    return message === "" ? undefined : ["instance", message, this.#listener].join(" ");
  }

  keyOf(request: PolicyRequest): HashedKey | undefined {
    const name = this.nameOf(request);
    return name === undefined ? undefined : hashedKey(name);
  }

  /** What the MTA says of a session that begins with this request. */
  peerOf(request: PolicyRequest, { isTrusted, localPort }: PolicyListener): Peer {
    const address = canonicalIp(request.clientAddress);
    this.#look(request);
    const port = serverPort(localPort(), portOf(request.serverPort));
    if (this.#server?.port !== port) {
      this.#server = { address: canonicalIp(request.serverAddress) ?? bounded(request.serverAddress), port };
    }
    return {
      listener: this.#listener,
      client: {
        address,
        name: request.clientName === "unknown" ? "" : bounded(request.clientName),
        port: portOf(request.clientPort),
      },
      server: this.#server,
      trusted: address !== undefined && isTrusted(address),
    };
  }

  credentialsOf(request: PolicyRequest): Credentials {
    const { encryptionProtocol, encryptionCipher, saslUsername, ccertSubject, ccertIssuer, ccertFingerprint } = request;
    const { tlsVersion, tlsCipher } = this.#stranger;
    // Nearly all clients have the same TLS as the one before, and nothing besides.
    if (encryptionProtocol !== tlsVersion || encryptionCipher !== tlsCipher)
      this.#stranger = strangerBy(encryptionProtocol, encryptionCipher);
    const hasCertificate = ccertSubject !== "" || ccertFingerprint !== "";
    if (saslUsername === "" && !hasCertificate) return this.#stranger;
    const certificate = hasCertificate ? { subject: ccertSubject, issuer: ccertIssuer, fingerprint: ccertFingerprint } : noCertificate;
    return { ...this.#stranger, login: saslUsername, certificate };
  }

  #look({ serverAddress, serverPort }: PolicyRequest): void {
    if (serverAddress === this.#serverAddress && serverPort === this.#serverPort) return;
    this.#serverAddress = serverAddress;
    this.#serverPort = serverPort;
    this.#keyEnd = undefined;
    this.#server = undefined;
  }
}

function strangerBy(tlsVersion: string, tlsCipher: string): Credentials {
  return { tls: tlsVersion !== "", tlsVersion, tlsCipher, login: "", certificate: noCertificate };
}
