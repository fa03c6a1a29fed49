/**
 * What is done for each request and each message, without sockets, so that its octets and its time can be measured. Run as a program
 * it reports the octets of each.
 */
import { type Answer, after } from "../../src/answer/answer.ts";
import { Patience } from "../../src/answer/patience.ts";
import { openLog } from "../../src/daemon/log.ts";
import { logDecision } from "../../src/daemon/log-lines.ts";
import { RequestSources } from "../../src/daemon/request-sources.ts";
import { cached } from "../../src/directory/cache.ts";
import { DelayedReplies } from "../../src/frontend/connection/delayed-replies.ts";
import type { TimedReply } from "../../src/frontend/connection/protocol.ts";
import type { EventSink } from "../../src/frontend/decision.ts";
import { milterProtocol, openMilter } from "../../src/frontend/milter/milter.ts";
import { answerPolicy, type PolicyOptions } from "../../src/frontend/policy/policy.ts";
import { WrittenDecision } from "../../src/frontend/written-decision.ts";
import { domainOf } from "../../src/mail/address.ts";
import type { Directory } from "../../src/stage/sources.ts";
import { limitWaiting } from "../../src/state/waiting-limit.ts";
import { PolicyDecoder } from "../../src/wire/policy.ts";
import { octetsAllocatedMeanwhile } from "../support/allocated.ts";
import { greylist, rule, settings } from "../support/settings.ts";
import { sourcesOf } from "../support/sources.ts";
import { milterOffer, milterPackets, policyRequest } from "./load/dialogue.ts";
import { addressOf, mailboxes } from "./load/mail.ts";
import { foundBy, send } from "./own-process.ts";

/** Makes what is needed to do it so often; what it yields does it once. */
export type HotPath = (count: number) => (index: number) => Answer<void>;

/** For a process that measures: nothing is collected meanwhile, and V8 compiles where it is waited for, however busy the machine is. */
export const heapFlags = ["--single-threaded", "--min-semi-space-size=256", "--max-semi-space-size=256"];

/** Everything that is asked about is in the cache. */
export async function warmDirectory(): Promise<Directory> {
  const known = new Set(Array.from({ length: mailboxes }, (_, number) => addressOf(number)));
  const domains = new Set([...known].map(domainOf));
  const directory: Directory = {
    name: "accounts",
    waits: true,
    isLocalDomain: (domain) => domains.has(domain),
    recipient: (address) => (known.has(address) ? { kind: "mailbox", primaries: [address] } : undefined),
    verify: () => [],
    expand: () => undefined,
  };
  const cache = cached(directory, { entries: 100_000, positiveMs: 3_600_000, negativeMs: 3_600_000, staleMs: 0 }, () => 0);
  for (const domain of domains) await cache.isLocalDomain(domain ?? "");
  for (const address of known) await cache.recipient(address);
  return cache;
}

const common = { listener: "smtp", isTrusted: () => false, localPort: () => undefined } as const;
const report = { onDecision: () => {}, reads: () => false, onNotice: () => {} };

/** The first request of a session for a known recipient, from its octets to the action. */
export function policy(options: Partial<EventSink> & Pick<PolicyOptions, "core">, requestOf = requestToMailbox): HotPath {
  const answer = answerPolicy({ ...common, ...report, mode: () => "enforce", ...options });
  const decoder = new PolicyDecoder();
  let first = 0;
  return (count) => {
    const requests = Array.from({ length: count }, (_, index) => requestOf(first + index));
    first += count;
    return (index) => {
      decoder.push(requests[index] ?? Buffer.alloc(0));
      const request = decoder.next();
      return after(request && answer(request), expectPass);
    };
  };
}

/** Numbers of unknown recipients and sub-addresses are odd. */
function requestToMailbox(number: number): Buffer {
  return policyRequest(2 * number, 1);
}

function expectPass(reply: TimedReply | undefined): void {
  if (reply?.text.startsWith("action=DUNNO") !== true) throw new Error(`not answered: ${reply?.text}`);
}

/** The same, where the greylist lets the client pass, as a store says a moment later. */
function greylisted(directory: Directory): HotPath {
  const passed = Promise.resolve({ kind: "pass", firstPass: false, waitedMs: 0 } as const);
  const store = { name: "state", timeoutMs: 10_000, keepsDeadline: true, onLate: () => {} };
  const none = () => {
    throw new Error("there are no throttles");
  };
  const state = limitWaiting({
    source: store,
    greylist: () => passed,
    throttle: none,
    giveBack: none,
    remember: none,
    areCorrespondents: () => false,
  });
  const core = {
    settings: settings({ rcpt: { greylist: greylist({ enable: rule("true") }) } }),
    sources: sourcesOf([directory], {}, {}, { state }),
  };
  const shared = { sources: core.sources, ask: () => core.sources.ask, senderAuth: () => core.sources.senderAuth };
  const noTimer = () => () => {};
  return policy({ core: () => ({ ...core, sources: new RequestSources(shared, new Patience(() => 0, noTimer)) }) });
}

const continueCode = "c".charCodeAt(0);

/** A connection with one message to two recipients, where the MTA need not wait for most replies. */
async function milter(directory: Directory): Promise<HotPath> {
  const core = { settings: settings(), sources: sourcesOf([directory]) };
  const begin = openMilter({
    ...common,
    ...report,
    core: () => core,
    settings: () => ({ mode: "enforce", extensions: "observe", rewrite: true }),
  });
  const delayed = new DelayedReplies(() => 0);
  const offer = milterOffer(0x1fffff);
  /** The last reply. */
  const talk = async (portions: readonly Buffer[]): Promise<Buffer> => {
    const { decoder, answer, onClose } = milterProtocol(begin(), delayed);
    let last: string | Buffer = "";
    for (const portion of portions) {
      decoder.push(portion);
      for (let command = decoder.next(); command !== undefined; command = decoder.next()) {
        const answered = answer(command);
        const reply = answered instanceof Promise ? await answered : answered;
        last = reply?.text ?? last;
      }
    }
    onClose?.();
    return Buffer.from(last);
  };
  const negotiated = (await talk([offer])).readUInt32BE(13);
  let first = 0;
  return (count) => {
    const sessions = Array.from({ length: count }, (_, index) => [offer, ...milterPackets(first + 2 * index, 1, negotiated)]);
    first += 2 * count;
    return async (index) => {
      const last = await talk(sessions[index] ?? []);
      // Changes come before it.
      if (last.at(-1) !== continueCode) throw new Error("the message was not accepted");
    };
  };
}

export async function hotPaths() {
  const directory = await warmDirectory();
  const core = { settings: settings(), sources: sourcesOf([directory]) };
  const { logger } = openLog({ level: "info", format: "json" });
  return {
    "policy request": policy({ core: () => core }),
    "policy request, logged": policy({
      core: () => core,
      onDecision: (decision) => logDecision(logger, new WrittenDecision(decision)),
      reads: () => true,
    }),
    "policy request, greylisted": greylisted(directory),
    "milter message": await milter(directory),
  } satisfies Record<string, HotPath>;
}

export type Octets = Readonly<Record<keyof Awaited<ReturnType<typeof hotPaths>>, number>>;

const count = 500;

/** Octets allocated each time, once V8 has compiled what it compiles. */
export async function octetsOf(path: HotPath): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const work = path(count);
    rounds.push((await octetsAllocatedMeanwhile(() => repeat(work, count))) / count);
  }
  return Math.min(...rounds);
}

export async function repeat(work: ReturnType<HotPath>, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const done = work(index);
    if (done instanceof Promise) await done;
  }
}

/** In a process of its own, which nothing else disturbs. */
export async function measureOctets(): Promise<Octets> {
  // Only the program below sends it.
  return (await foundBy(import.meta.url, heapFlags)) as Octets;
}

if (import.meta.main) {
  const octets: Record<string, number> = {};
  for (const [name, path] of Object.entries(await hotPaths())) octets[name] = Math.round(await octetsOf(path));
  send(octets);
}
