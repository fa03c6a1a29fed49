/** `[session.*]` and the domains, compiled for the stages. */
import type { Names } from "../../expr/ask.ts";
import { canonicalAddress } from "../../mail/address.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { parseReply, type Reply } from "../../mail/reply.ts";
import type { ScriptVocabulary } from "../../sieve/script.ts";
import type { DomainSettings, Rule, ScriptRule, Settings } from "../../stage/stage-settings.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { version } from "../configuration.ts";
import type { Path } from "../syntax/tree.ts";
import type { Build } from "./context.ts";
import { buildGreylist } from "./greylist.ts";
import { literalText, type Outcomes, priorities, Rules, type Stage } from "./rules.ts";
import { buildScripts, type ScriptSources, scriptNames, unknownScript } from "./scripts.ts";
import { buildThrottles } from "./throttles.ts";

export function buildSettings(build: Build, vocabulary: ScriptVocabulary, sources: ScriptSources): Settings {
  const { session } = build.document;
  const { names } = vocabulary;
  const rules = new Rules(names, build.report);

  /** The rule set of this key; it is put back as it was understood. */
  function rule<K extends string>(table: Partial<Record<K, unknown>>, path: Path, key: K, stage: Stage, outcomes?: Outcomes): Rule {
    const compiled = rules.compile(table[key], [...path, key], stage, outcomes);
    table[key] = compiled.written;
    return compiled.rule;
  }
  function ruleOrSwitch<K extends string>(table: Partial<Record<K, unknown>>, path: Path, key: K): boolean | Rule {
    const { value, written } = rules.compileSwitch(table[key], [...path, key], "address");
    table[key] = written;
    return value;
  }

  const scripts = scriptNames(build);
  const isNone = /^\s*(?:false|0)\s*$/;
  /** Names that the stages may run, in lower case; `undefined`: one of them computes it. */
  let named: Set<string> | undefined = new Set();
  function scriptRule(table: { script?: unknown }, stage: "ehlo" | "mail" | "rcpt"): ScriptRule {
    const literal = (text: string) => {
      named?.add(text.toLowerCase());
      return unknownScript(text, scripts);
    };
    const compiled = rules.compile(table.script, ["session", stage, "script"], stage, { type: "text", literal, names: scripts.active });
    table.script = compiled.written;
    const outcomes = [...compiled.source.rules.map(({ then }) => then), compiled.source.else];
    if (!outcomes.every((text) => literalText.test(text) || isNone.test(text))) named = undefined;
    return outcomes.every((text) => isNone.test(text)) ? undefined : compiled.rule;
  }

  const { ehlo, extensions, mail, rcpt } = session;
  const [ehloPath, extensionsPath, rcptPath] = [
    ["session", "ehlo"],
    ["session", "extensions"],
    ["session", "rcpt"],
  ];
  const extension = (key: keyof typeof extensions, outcomes?: Outcomes) => rule(extensions, extensionsPath, key, "mail", outcomes);
  knownLookups(build, names);

  return {
    ehlo: {
      require: rule(ehlo, ehloPath, "require", "ehlo"),
      rejectNonFqdn: rule(ehlo, ehloPath, "reject-non-fqdn", "ehlo"),
      fqdn: ehlo.fqdn,
      blocklist: ehlo.blocklist,
      script: scriptRule(ehlo, "ehlo"),
    },
    extensions: {
      pipelining: extension("pipelining"),
      chunking: extension("chunking"),
      requireTls: extension("requiretls"),
      noSoliciting: extension("no-soliciting", { type: "text" }),
      dsn: extension("dsn"),
      futureRelease: extension("future-release", { type: "duration" }),
      deliverBy: extension("deliver-by", { type: "duration" }),
      mtPriority: extension("mt-priority", { literal: priority }),
      vrfy: extension("vrfy"),
      expn: extension("expn"),
    },
    mail: { script: scriptRule(mail, "mail"), rewrite: rule(mail, ["session", "mail"], "rewrite", "mail", { type: "address" }) },
    rcpt: {
      directory: rule(rcpt, rcptPath, "directory", "rcpt", { type: "text", literal: (text) => unknownDirectory(text, names) }),
      relay: rule(rcpt, rcptPath, "relay", "rcpt"),
      script: scriptRule(rcpt, "rcpt"),
      rewrite: rule(rcpt, rcptPath, "rewrite", "rcpt", { type: "address" }),
      subAddressing: ruleOrSwitch(rcpt, rcptPath, "sub-addressing"),
      subAddressingDelivery: rcpt["sub-addressing-delivery"],
      catchAll: ruleOrSwitch(rcpt, rcptPath, "catch-all"),
      aliases: rcpt.aliases,
      maxRecipients: rule(rcpt, rcptPath, "max-recipients", "mail", { type: "count" }),
      maxListMembers: rcpt["max-list-members"],
      errors: {
        total: rule(rcpt.errors, [...rcptPath, "errors"], "total", "mail", { type: "count" }),
        wait: rule(rcpt.errors, [...rcptPath, "errors"], "wait", "mail", { type: "duration" }),
      },
      greylist: buildGreylist(build, rule(rcpt.greylist, [...rcptPath, "greylist"], "enable", "rcpt")),
      replies: {
        unknownMailbox: replyOf(rcpt.replies["unknown-mailbox"]),
        relay: replyOf(rcpt.replies.relay),
        tooManyRecipients: replyOf(rcpt.replies["too-many-recipients"]),
        tooManyErrors: replyOf(rcpt.replies["too-many-errors"]),
        rateLimit: replyOf(rcpt.replies["rate-limit"]),
        greylisted: replyOf(rcpt.replies.greylisted),
        unavailable: replyOf(rcpt.replies.unavailable),
      },
    },
    throttles: buildThrottles(build, rules),
    domains: domainsOf(build, names, (table, path) =>
      table["sub-addressing"] === undefined ? undefined : ruleOrSwitch(table, path, "sub-addressing"),
    ),
    // Last: by now it is known which of them are named.
    sieve: {
      scripts: buildScripts(build, sources, vocabulary, named),
      onError: build.document.sieve.trusted["on-error"],
      host: { hostname: build.document.server.hostname ?? "localhost", version },
    },
  };
}

type DomainDocument = Build["document"]["domain"][number];

function domainsOf(
  { document, report }: Build,
  names: Names,
  subAddressingOf: (domain: DomainDocument, path: Path) => boolean | Rule | undefined,
): ReadonlyMap<string, DomainSettings> {
  const domains = new Map<string, DomainSettings>();
  for (const [index, domain] of document.domain.entries()) {
    const path: Path = ["domain", index];
    const { directory, "catch-all-address": catchAll } = domain;
    const unknown = directory === undefined ? undefined : unknownDirectory(directory, names);
    if (unknown !== undefined) report.error([...path, "directory"], unknown);
    if (catchAll !== undefined && !/^[^@]+@[^@]+$/.test(catchAll)) {
      report.error([...path, "catch-all-address"], `"${catchAll}" is not an address. Write it as "info@example.org".`);
    }
    const settings: DomainSettings = {
      name: canonicalDomain(domain.name),
      directory,
      subAddressing: subAddressingOf(domain, path),
      catchAllAddress: catchAll === undefined ? undefined : canonicalAddress(catchAll),
      allowRelaying: domain["allow-relaying"],
    };
    const written: readonly (readonly [string, Path])[] = [
      [domain.name, [...path, "name"]],
      ...domain.aliases.map((alias, place) => [alias, [...path, "aliases", place]] as const),
    ];
    for (const [name, at] of written) {
      const key = canonicalDomain(name);
      if (domains.has(key)) report.error(at, `the domain "${key}" is given already. Remove one.`);
      domains.set(key, settings);
    }
  }
  return domains;
}

function knownLookups({ document, report }: Build, { lookups }: Names): void {
  for (const [index, name] of document.session.ehlo.blocklist.entries()) {
    if (lookups.has(name)) continue;
    const mend = didYouMean(name, lookups.keys()) || ` Add [lookup.${name}] or [lookup-file.${name}].`;
    report.error(["session", "ehlo", "blocklist", index], `unknown lookup "${name}".${mend}`);
  }
}

function unknownDirectory(name: string, { directories }: Names): string | undefined {
  if (name === "" || name === "*" || directories.has(name)) return undefined;
  return `unknown directory "${name}".${didYouMean(name, directories.keys()) || ` Add [directory.${name}], or use '*', the default one.`}`;
}

function priority(text: string): string | undefined {
  if (priorities.has(text.toLowerCase())) return undefined;
  return `"${text}" is no priority policy. Write ${[...priorities].join(", ")} or false.`;
}

/** The schema lets only replies pass. */
function replyOf(text: string): Reply {
  const reply = parseReply(text);
  if (reply === undefined) throw new RangeError(`not a reply: ${text}`);
  return reply;
}
