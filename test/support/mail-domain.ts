/** A small mail domain for the front ends to serve, and policy requests about it as Postfix would send them. */

import type { DelayedReplies } from "../../src/frontend/connection/delayed-replies.ts";
import type { Decision } from "../../src/frontend/decision.ts";
import type { Notice } from "../../src/frontend/notice.ts";
import { answerPolicy, type PolicyOptions, policyProtocol as protocolOfConnection } from "../../src/frontend/policy/policy.ts";
import type { SessionMemory } from "../../src/frontend/policy/session-memory.ts";
import type { Core } from "../../src/stage/core.ts";
import type { PolicyRequest } from "../../src/wire/policy.ts";
import { type Changes, rule, settings } from "./settings.ts";
import { directoryOf, type FakeDirectory, sourcesOf } from "./sources.ts";

const entries = {
  "john@example.org": "john@example.org",
  "jane@example.org": "jane@example.org",
  "doe@example.org": "doe@example.org",
  "bill@example.org": "bill@example.org",
  "j@example.org": "john@example.org",
  "sales@example.org": ["john@example.org", "jane@example.org"],
  "@catch.example": "john@example.org",
} as const;

export interface World {
  readonly options: PolicyOptions;
  readonly directory: FakeDirectory;
  readonly decisions: Decision[];
  readonly causes: unknown[];
  readonly notices: Notice[];
  /** Milliseconds; set it to move the clock. */
  now: number;
  mode: "enforce" | "shadow";
  core: Core;
}

export interface WorldOptions {
  readonly changes?: Changes;
  /** The directory answers with promises. */
  readonly waits?: boolean;
  readonly localPort?: number;
  readonly memory?: SessionMemory;
}

/** Three recipients, three errors of five seconds each, and spammer.example on a blocklist; 192.0.2.0/24 is trusted. */
export function world({ changes = {}, waits = false, localPort, memory }: WorldOptions = {}): World {
  const directory = directoryOf(entries, { waits });
  const decisions: Decision[] = [];
  const causes: unknown[] = [];
  const notices: Notice[] = [];
  const now = () => self.now;
  const self: World = {
    directory,
    decisions,
    causes,
    notices,
    now: 0,
    mode: "enforce",
    core: {
      settings: settings({
        ...changes,
        ehlo: { blocklist: ["blocked"], ...changes.ehlo },
        rcpt: { maxRecipients: rule("3"), errors: { total: rule("3"), wait: rule("5s") }, ...changes.rcpt },
      }),
      sources: sourcesOf([directory], { blocked: ["spammer.example"] }),
    },
    options: {
      listener: "smtp",
      core: () => self.core,
      mode: () => self.mode,
      isTrusted: (address) => address.startsWith("192.0.2."),
      localPort: () => localPort,
      onDecision(decision, cause) {
        decisions.push(decision);
        if (cause !== undefined) causes.push(cause);
      },
      onNotice: (notice) => notices.push(notice),
      now,
      ...(memory === undefined ? undefined : { memory }),
    },
  };
  return self;
}

const plain: PolicyRequest = {
  protocolState: "RCPT",
  clientAddress: "203.0.113.9",
  clientName: "mx.client.example",
  clientPort: "4321",
  serverAddress: "198.51.100.1",
  serverPort: "25",
  heloName: "mx.client.example",
  sender: "a@client.example",
  recipient: "",
  instance: "",
  size: "",
  stress: "",
  saslUsername: "",
  ccertSubject: "",
  ccertIssuer: "",
  ccertFingerprint: "",
  encryptionProtocol: "",
  encryptionCipher: "",
  policyContext: "",
  isOfSmtpd: true,
};

/** What the MTA knows in this state: no sender before MAIL, no instance before RCPT. */
export function request(state: string, given: Partial<PolicyRequest> = {}): PolicyRequest {
  const protocolState = state;
  switch (state) {
    case "CONNECT":
    case "XCLIENT":
      return { ...plain, heloName: "", sender: "", ...given, protocolState };
    case "EHLO":
    case "HELO":
    case "VRFY":
      return { ...plain, sender: "", ...given, protocolState };
    case "RCPT":
      return { ...plain, instance: "1.2.3.0", ...given, protocolState };
    default:
      return { ...plain, ...given, protocolState };
  }
}

export const rcpt = (recipient: string, given: Partial<PolicyRequest> = {}) => request("RCPT", { recipient, ...given });

/** Asks one request after the other: `550 5.1.2 …`, followed by `(5000 ms)` when the reply is delayed. */
export function client({ options }: World): (asked: PolicyRequest) => Promise<string> {
  const answer = answerPolicy(options);
  return async (asked) => {
    const { text, delayMs } = await answer(asked);
    const action = /^action=(.+)\n\n$/.exec(text)?.[1] ?? `not an action: ${JSON.stringify(text)}`;
    return delayMs === 0 ? action : `${action} (${delayMs} ms)`;
  };
}

/** The policy protocol for a listener. */
export const policyProtocol = ({ options }: World, delayed: DelayedReplies) => {
  const answer = answerPolicy(options);
  return () => protocolOfConnection(answer, delayed);
};
