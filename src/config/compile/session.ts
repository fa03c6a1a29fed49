/** `[session.*]` and the domains, compiled for the stages. */
import packageJson from "../../../package.json" with { type: "json" };
import { parseListedAddress } from "../../mail/address-list.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { asStrategy, strategies } from "../../stage/sender-verdict.ts";
import type { Denial, DomainSettings, Rule, ScriptRule, SenderAuthSettings, Settings, SieveSettings } from "../../stage/stage-settings.ts";
import { variablesOf } from "../../stage/vocabulary.ts";
import { unknownDirectory, unknownLookup, unknownScript } from "../check/names.ts";
import type { Normalised } from "../normalise.ts";
import type { StageRules } from "../schema/values.ts";
import type { KeyPath } from "../syntax/tree.ts";
import type { CompileContext } from "./context.ts";
import { compileDenials } from "./denials.ts";
import { compileGreylist } from "./greylist.ts";
import { relayRules } from "./relay.ts";
import { type Outcomes, priorities, RuleCompiler } from "./rules.ts";
import { scriptOutcomes } from "./scripts.ts";
import { compileThrottles } from "./throttles.ts";

export function compileSettings(normalised: Normalised, sieve: SieveSettings, context: CompileContext): Settings {
  const { names, report } = context;
  const { ehlo, extensions, auth, mail, rcpt } = normalised.session;
  const compiler = new RuleCompiler(context);

  function rule<K extends string>(table: Readonly<Record<K, StageRules>>, path: KeyPath, key: K, outcomes?: Outcomes): Rule {
    return compiler.compile(table[key], [...path, key], outcomes);
  }
  function scriptRule(table: { readonly script: StageRules }, path: KeyPath): ScriptRule {
    const literal = (text: string) => unknownScript(text, names);
    const compiled = rule(table, path, "script", { type: "text", literal, names: names.scripts.active });
    return scriptOutcomes(table.script).length === 0 ? undefined : compiled;
  }

  function deny(table: typeof ehlo | typeof mail | typeof rcpt, path: KeyPath): readonly Denial[] {
    return compileDenials(table.deny, [...path, "deny"], compiler, context);
  }

  const ehloPath: KeyPath = ["session", "ehlo"];
  const extensionsPath: KeyPath = ["session", "extensions"];
  const authPath: KeyPath = ["session", "auth"];
  const mailPath: KeyPath = ["session", "mail"];
  const rcptPath: KeyPath = ["session", "rcpt"];
  const extension = (key: keyof typeof extensions, outcomes?: Outcomes) => rule(extensions, extensionsPath, key, outcomes);
  warnOfVariables(rcpt.replies, [...rcptPath, "replies"], context);
  for (const [index, name] of ehlo.blocklist.entries()) report.errorIf([...ehloPath, "blocklist", index], unknownLookup(name, names));

  return {
    ehlo: {
      mode: ehlo.mode,
      require: rule(ehlo, ehloPath, "require"),
      rejectNonFqdn: rule(ehlo, ehloPath, "reject-non-fqdn"),
      fqdn: ehlo.fqdn,
      blocklist: ehlo.blocklist,
      deny: deny(ehlo, ehloPath),
      script: scriptRule(ehlo, ehloPath),
    },
    extensions: {
      pipelining: extension("pipelining"),
      chunking: extension("chunking"),
      requireTls: extension("requiretls"),
      noSoliciting: extension("no-soliciting", { type: "text" }),
      dsn: extension("dsn"),
      futureRelease: extension("future-release", { type: "duration" }),
      deliverBy: extension("deliver-by", { type: "duration" }),
      mtPriority: extension("mt-priority", { type: "priority", literal: unknownPriority }),
      vrfy: extension("vrfy"),
      expn: extension("expn"),
    },
    senderAuth: compileSenderAuth(normalised, compiler),
    auth: { mustMatchSender: rule(auth, authPath, "must-match-sender") },
    mail: {
      mode: mail.mode,
      isAllowed: rule(mail, mailPath, "is-allowed"),
      deny: deny(mail, mailPath),
      script: scriptRule(mail, mailPath),
      rewrite: rule(mail, mailPath, "rewrite", { type: "address" }),
    },
    rcpt: {
      mode: rcpt.mode,
      directory: rule(rcpt, rcptPath, "directory", { type: "text", literal: (text) => unknownDirectory(text, names) }),
      relay: compiler.compile(relayRules(normalised), [...rcptPath, "relay"]),
      deny: deny(rcpt, rcptPath),
      script: scriptRule(rcpt, rcptPath),
      rewrite: rule(rcpt, rcptPath, "rewrite", { type: "address" }),
      subAddressing: compiler.compileSwitch(rcpt["sub-addressing"], [...rcptPath, "sub-addressing"], "subAddress"),
      subAddressingDelivery: rcpt["sub-addressing-delivery"],
      catchAll: compiler.compileSwitch(rcpt["catch-all"], [...rcptPath, "catch-all"], "catchAll"),
      aliases: rcpt.aliases,
      maxRecipients: rule(rcpt, rcptPath, "max-recipients", { type: "count" }),
      maxListMembers: rcpt["max-list-members"],
      errors: {
        total: rule(rcpt.errors, [...rcptPath, "errors"], "total", { type: "count" }),
        wait: rule(rcpt.errors, [...rcptPath, "errors"], "wait", { type: "duration" }),
      },
      greylist: compileGreylist(normalised, rule(rcpt.greylist, [...rcptPath, "greylist"], "enable"), context),
      replies: {
        unknownMailbox: rcpt.replies["unknown-mailbox"].value,
        relay: rcpt.replies.relay.value,
        overQuota: rcpt.replies["over-quota"].value,
        tooManyRecipients: rcpt.replies["too-many-recipients"].value,
        tooManyErrors: rcpt.replies["too-many-errors"].value,
        rateLimit: rcpt.replies["rate-limit"].value,
        greylisted: rcpt.replies.greylisted.value,
        unavailable: rcpt.replies.unavailable.value,
      },
    },
    throttles: compileThrottles(normalised, compiler, context),
    domains: compileDomains(normalised, compiler, context),
    sieve,
    host: { hostname: normalised.server.hostname, version: packageJson.version },
  };
}

function warnOfVariables(replies: Normalised["session"]["rcpt"]["replies"], path: KeyPath, { report }: CompileContext): void {
  for (const [key, { value }] of Object.entries(replies)) {
    for (const [written, name = ""] of value.text.matchAll(/\{(\w+)\}/g)) {
      if (variablesOf.address.has(name))
        report.warning([...path, key], `"${written}" stays as it is: only the replies of deny have variables. Remove it.`);
    }
  }
}

const constants: ReadonlySet<string> = new Set(strategies);

function compileSenderAuth({ auth, server }: Normalised, compiler: RuleCompiler): SenderAuthSettings {
  /** `undefined`: nothing is asked by it, so that no step is made for it. */
  const strategy = (rules: StageRules, path: KeyPath): Rule | undefined => {
    const rule = compiler.compile(rules, path, { constants, type: "strategy" });
    return rule.constant !== undefined && asStrategy(rule.constant) === "disable" ? undefined : rule;
  };
  const { verify } = auth.spf;
  return {
    spfEhlo: strategy(verify.ehlo, ["auth", "spf", "verify", "ehlo"]),
    spfMail: strategy(verify["mail-from"], ["auth", "spf", "verify", "mail-from"]),
    iprev: strategy(auth.iprev.verify, ["auth", "iprev", "verify"]),
    headerHost: auth.spf.header ? server.hostname : undefined,
  };
}

function compileDomains(
  { domain }: Normalised,
  compiler: RuleCompiler,
  { names, report }: CompileContext,
): ReadonlyMap<string, DomainSettings> {
  const domains = new Map<string, DomainSettings>();
  for (const [index, each] of domain.entries()) {
    const path: KeyPath = ["domain", index];
    const { directory, "catch-all-address": catchAll, "sub-addressing": subAddressing } = each;
    if (directory !== undefined) report.errorIf([...path, "directory"], unknownDirectory(directory, names));
    const catchAllAddress = catchAll === undefined ? undefined : parseListedAddress(catchAll);
    if (catchAll !== undefined && !catchAllAddress?.includes("@")) {
      report.error([...path, "catch-all-address"], `"${catchAll}" is not an address. Write it as "info@example.org".`);
    }
    const settings: DomainSettings = {
      name: canonicalDomain(each.name),
      directory,
      subAddressing:
        subAddressing === undefined ? undefined : compiler.compileSwitch(subAddressing, [...path, "sub-addressing"], "localPart"),
      catchAllAddress,
      allowRelaying: each["allow-relaying"],
    };
    const written: readonly (readonly [string, KeyPath])[] = [
      [each.name, [...path, "name"]],
      ...each.aliases.map((alias, place) => [alias, [...path, "aliases", place]] as const),
    ];
    for (const [name, at] of written) {
      const key = canonicalDomain(name);
      if (domains.has(key)) report.error(at, `the domain "${key}" is given already. Remove one.`);
      domains.set(key, settings);
    }
  }
  return domains;
}

function unknownPriority(text: string): string | undefined {
  if (priorities.has(text.toLowerCase())) return undefined;
  return `"${text}" is not a priority policy. Write ${[...priorities].join(", ")} or false.`;
}
