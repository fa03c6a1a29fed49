/** Settings as the configuration would make them, with the defaults of the product, for tests of the stages and front ends. */
import type { Names } from "../../src/expr/ask.ts";
import { compileRules } from "../../src/expr/compile.ts";
import type { RuleSetSource } from "../../src/expr/expression.ts";
import { type Reply, reply } from "../../src/mail/reply.ts";
import { checksFor } from "../../src/stage/sender-auth.ts";
import type { GreylistSettings, Rule, Settings } from "../../src/stage/stage-settings.ts";
import { listedOf, variablesOf } from "../../src/stage/vocabulary.ts";

const noNames: Names = { directories: new Map(), lookups: new Map(), stores: new Set(), dnsLists: new Map() };

/** `"expr"`, or `[[if, then], …, else]`. */
export type RuleText = string | readonly [...(readonly [string, string])[], string];

export function rule(text: RuleText, stage: keyof typeof variablesOf = "address", names: Names = noNames): Rule {
  const compiled = compileRules(sourceOf(text), { variables: variablesOf[stage], listed: listedOf[stage], names }, (part, error) => {
    throw new Error(`${JSON.stringify(part)}: ${error.message}`);
  });
  if (compiled === undefined) throw new Error("did not compile");
  return { ...compiled, checks: checksFor(compiled.variables) };
}

function sourceOf(text: RuleText): RuleSetSource {
  if (typeof text === "string") return { rules: [], else: text };
  const rules: { if: string; then: string }[] = [];
  let otherwise = "false";
  for (const part of text) {
    if (typeof part === "string") otherwise = part;
    else rules.push({ if: part[0], then: part[1] });
  }
  return { rules, else: otherwise };
}

/** What a test changes; everything else is the product's default. */
export interface Changes {
  readonly ehlo?: Partial<Settings["ehlo"]>;
  readonly extensions?: Partial<Settings["extensions"]>;
  readonly auth?: Partial<Settings["auth"]>;
  readonly senderAuth?: Partial<Settings["senderAuth"]>;
  readonly mail?: Partial<Settings["mail"]>;
  readonly rcpt?: Partial<Settings["rcpt"]>;
  readonly throttles?: Partial<Settings["throttles"]>;
  readonly domains?: Settings["domains"];
  readonly sieve?: Partial<Settings["sieve"]>;
}

const texts: Record<keyof Settings["rcpt"]["replies"], Reply> = {
  unknownMailbox: reply(550, "5.1.2", "Mailbox does not exist."),
  relay: reply(550, "5.1.2", "Relay not allowed."),
  overQuota: reply(452, "4.2.2", "Mailbox is full, try again later."),
  tooManyRecipients: reply(452, "4.5.3", "Too many recipients."),
  tooManyErrors: reply(421, "4.3.0", "Too many errors, disconnecting."),
  rateLimit: reply(452, "4.4.5", "Rate limit exceeded, try again later."),
  greylisted: reply(451, "4.7.1", "Greylisted, please try again in a few moments."),
  unavailable: reply(451, "4.4.3", "Unable to verify address at this time."),
};

const authenticatedOnly = () => rule("!is_empty(authenticated_as)");

const minute = 60_000;
const day = 24 * 60 * minute;

/** Off, which is the default, unless a test turns it on. */
export function greylist(changes: Partial<GreylistSettings> = {}): GreylistSettings {
  return {
    mode: "enforce",
    enable: rule("false"),
    ...{ delayMs: 5 * minute, retryWindowMs: 2 * day, lifetimeMs: 35 * day },
    key: new Set(["client", "sender", "rcpt"]),
    ...{ client: "domain-or-network", ipv4Prefix: 24, ipv6Prefix: 64 },
    ...{
      autoWhitelist: 5,
      maxWaiting: 10_000,
      foldSenders: true,
      headerHost: undefined,
      correspondentsMs: undefined,
      training: false,
      onStoreFailure: "accept",
    },
    ...changes,
  };
}

export function settings(changes: Changes = {}): Settings {
  return {
    ehlo: {
      mode: "enforce",
      require: rule("true"),
      rejectNonFqdn: rule("local_port == 25"),
      fqdn: "stalwart",
      blocklist: [],
      deny: [],
      script: undefined,
      ...changes.ehlo,
    },
    extensions: {
      pipelining: rule("true"),
      chunking: rule("true"),
      requireTls: rule("is_tls"),
      noSoliciting: rule("''"),
      dsn: authenticatedOnly(),
      futureRelease: rule([["!is_empty(authenticated_as)", "7d"], "false"]),
      deliverBy: rule([["!is_empty(authenticated_as)", "15d"], "false"]),
      mtPriority: rule("false"),
      vrfy: authenticatedOnly(),
      expn: authenticatedOnly(),
      ...changes.extensions,
    },
    senderAuth: { spfEhlo: undefined, spfMail: undefined, iprev: undefined, headerHost: undefined, ...changes.senderAuth },
    auth: { mustMatchSender: rule("false"), ...changes.auth },
    mail: { mode: "enforce", isAllowed: rule("true"), deny: [], script: undefined, rewrite: rule("false"), ...changes.mail },
    rcpt: {
      mode: "enforce",
      directory: rule("'*'"),
      relay: authenticatedOnly(),
      deny: [],
      script: undefined,
      rewrite: rule("false"),
      subAddressing: true,
      subAddressingDelivery: "base",
      catchAll: true,
      aliases: "keep",
      maxRecipients: rule("100"),
      maxListMembers: 10000,
      errors: { total: rule("5"), wait: rule("5s") },
      greylist: greylist(),
      replies: texts,
      ...changes.rcpt,
    },
    throttles: { connect: [], mail: [], rcpt: [], errors: [], ...changes.throttles },
    domains: changes.domains ?? new Map(),
    sieve: { scripts: new Map(), onError: "accept", ...changes.sieve },
    host: { hostname: "mx.example.org", version: "1.0.0" },
  };
}
