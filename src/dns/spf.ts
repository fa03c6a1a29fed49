/**
 * SPF of one identity (RFC 7208). What a record means is evaluated by mailauth; what is asked of the DNS for it, how often and for how
 * long, is decided here. Explanations (`exp`) are not asked for: nothing that the owner of a domain writes reaches anybody.
 */
import type { SpfMatch, SpfRecord, SpfResolver } from "mailauth/lib/spf/spf-verify.js";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DnsType } from "../expr/ask.ts";
import { domainOf } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { OnDnsAnswer, SpfAnswer, SpfIdentity } from "../stage/sources.ts";
import { onDemand } from "../text/on-demand.ts";
import type { DnsSource } from "./dns.ts";

const mailauth = onDemand<typeof import("mailauth/lib/spf/spf-verify.js")>("mailauth/lib/spf/spf-verify.js");

/** RFC 7208 4.6.4: terms that ask the DNS, and hosts of one `mx`. */
const maxLookups = 10;
/** Those to which there is nothing; the addresses of the hosts of `mx` and `ptr` do not count. */
const maxVoidLookups = 2;
/** RFC 7208 4.6.4 has at least 20 s, which is longer than an MTA waits. */
export const spfTimeoutMs = 5000;

/** A record that is longer is a permanent error: real ones have to fit into one datagram (RFC 7208 3.4). */
const maxRecordOctets = 8192;

/** `now` in milliseconds; it never goes back. It does not reject for what a record holds. */
export async function askSpf(
  { client, helo, sender }: SpfIdentity,
  dns: DnsSource,
  now: () => number,
  onAnswer?: OnDnsAnswer,
): Promise<SpfAnswer> {
  // RFC 7208 2.4, 4.3.
  const from = sender === "" ? `postmaster@${helo}` : sender.startsWith("@") ? `postmaster${sender}` : sender;
  const domain = canonicalDomain(domainOf(from) ?? "");
  if (!mayHaveRecord(domain)) return { result: "none", by: "not the name of a domain", mechanism: "" };
  const { spfVerify } = mailauth();
  const evaluation: Evaluation = { client, dns, now, until: now() + spfTimeoutMs, onAnswer };
  try {
    const match = await spfVerify(domain, {
      sender: from,
      ip: client,
      helo,
      strict: true,
      // The record of the domain itself is no term.
      resolver: limited(evaluation, { already: -1, countsVoid: true }),
      createSubResolver: () => limited(evaluation, { already: 0, countsVoid: false }),
      expResolver: () => Promise.reject(new Error("explanations are not asked for")),
    });
    return match === false ? { result: "neutral", by: noMatch, mechanism: "" } : answerOf(match);
  } catch (error) {
    // Whatever goes wrong in it is no reason to refuse anybody.
    return answerOf(spfResultOf(error) ?? { error: "temperror", text: String(error) });
  }
}

/** RFC 7208 4.3: several labels, none of them empty. The last one of an IP address is a number. */
function mayHaveRecord(domain: string): boolean {
  return domain.length <= 253 && /^(?:[a-z\d_-]{1,63}\.)+(?=[a-z\d_-]*[a-z])[a-z\d_-]{1,63}$/.test(domain);
}

interface Evaluation {
  readonly client: string;
  readonly dns: DnsSource;
  readonly now: () => number;
  readonly until: number;
  readonly onAnswer: OnDnsAnswer | undefined;
}

/** Counts what one list of terms, or of hosts, asks. */
function limited(evaluation: Evaluation, { already, countsVoid }: { readonly already: number; readonly countsVoid: boolean }): SpfResolver {
  let lookups = already;
  let voidLookups = 0;
  return async (name, type) => {
    lookups += 1;
    if (lookups > maxLookups) throw failure("permerror", `more than ${maxLookups} DNS look-ups`);
    const records = await ask(evaluation, name, type);
    if (records !== undefined) return records;
    voidLookups += 1;
    if (countsVoid && voidLookups > maxVoidLookups) {
      throw failure("permerror", `more than ${maxVoidLookups} void DNS look-ups, the last one of ${type} ${name}`);
    }
    return [];
  };
}

const types: ReadonlyMap<string, DnsType> = new Map([
  ["A", "ipv4"],
  ["AAAA", "ipv6"],
  ["MX", "mx"],
  ["TXT", "txt"],
  ["PTR", "ptr"],
]);

async function ask(
  { client, dns, now, until, onAnswer }: Evaluation,
  name: string,
  type: string,
): Promise<readonly SpfRecord[] | undefined> {
  if (now() >= until) throw timeIsUp();
  const dnsType = types.get(type);
  if (dnsType === undefined) throw new Error(`DNS records of type ${type} are not known`);
  // RFC 7208 7.3 lets any octet be in a name, but the resolver of Node sends only those of host names. That it does not know is no "no".
  if (!/^[\w*./-]+$/.test(name)) throw failure("permerror", `the name ${name} cannot be asked for`);
  try {
    // The only address whose names are asked for is that of the client.
    const records = await dns.query(dnsType === "ptr" ? client : name, dnsType);
    onAnswer?.(`${type} ${name}`, records);
    if (dnsType === "mx") return records?.map((exchange, priority) => ({ exchange, priority }));
    if (dnsType === "txt" && records?.some(isOversized)) throw failure("permerror", `the record of ${name} is too long`);
    return records;
  } catch (error) {
    if (!(error instanceof TemporaryError)) throw error;
    onAnswer?.(`${type} ${name}`, error);
    throw failure("temperror", error.message);
  }
}

function isOversized(record: string): boolean {
  return record.length > maxRecordOctets && /^v=spf1(?: |$)/i.test(record.slice(0, 8));
}

/** Unlike other temporary errors it also ends a `ptr`. */
function timeIsUp(): Error {
  return Object.assign(failure("temperror", `no result within ${spfTimeoutMs / 1000} s`), { code: "ESPFTIMELIMIT" });
}

function failure(error: "permerror" | "temperror", text: string): Error {
  return Object.assign(new Error(text), { spfResult: { error, text } satisfies SpfMatch });
}

function spfResultOf(error: unknown): SpfMatch | undefined {
  // mailauth and `failure` put nothing else there.
  return error instanceof Error && "spfResult" in error ? (error.spfResult as SpfMatch) : undefined;
}

const results = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" } as const;

const noMatch = "no mechanism matched";

function answerOf(match: SpfMatch): SpfAnswer {
  const { error, text = "not valid", qualifier = "?", type = "" } = match;
  if (error !== undefined) return { result: error, by: cut(text), mechanism: "" };
  return { result: results[qualifier], by: type === "" ? noMatch : cut(termOf(match)), mechanism: type };
}

/** What strangers have written into it may be long. */
function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** As `-ip4:192.0.2.1`; mailauth does not say what an `a` was about. */
function termOf({ qualifier = "+", type = "", val, include }: SpfMatch): string {
  const sign = qualifier === "+" ? "" : qualifier;
  if (include !== undefined) return `${sign}include:${val}, by ${termOf(include)} there`;
  return `${sign}${type}${val === undefined || type === "a" ? "" : `:${val}`}`;
}
