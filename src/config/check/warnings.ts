/** Settings that have no effect with the listeners that there are, and those that take effect twice. */
import { canonicalDomain } from "../../mail/domain.ts";
import type { EnvelopePart, Script } from "../../sieve/script.ts";
import { isKnownToHelo, unknownToHelo } from "../../stage/helo-alone.ts";
import type { ScriptStage } from "../../stage/script-environment.ts";
import type { Rule, Settings } from "../../stage/stage-settings.ts";
import { scriptsByStage } from "../compile/scripts.ts";
import type { Normalised } from "../normalise.ts";
import { schema } from "../schema/schema.ts";
import type { StageRules } from "../schema/values.ts";
import { onlyExpression } from "../syntax/rule-set.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { asksSpf } from "./asks-dns.ts";
import type { UsedNames } from "./names.ts";
import type { ProblemReport } from "./report.ts";

type ListenerProtocol = Exclude<Normalised["listener"][string]["protocol"], "http">;

interface Listening {
  readonly normalised: Normalised;
  readonly settings: Settings;
  readonly used: UsedNames;
  readonly report: ProblemReport;
  /** Some listener speaks it. */
  readonly has: Readonly<Record<ListenerProtocol, boolean>>;
  /** Some milter changes recipients and the sender. */
  readonly rewrites: boolean;
}

/** Without a listener nothing has an effect, and nobody expects it. */
export function warnOfListeners(normalised: Normalised, settings: Settings, used: UsedNames, report: ProblemReport): void {
  const listeners = Object.values(normalised.listener).filter(({ protocol }) => protocol !== "http");
  if (listeners.length === 0) return;
  if (normalised.decisions.keep !== undefined && listeners.length === Object.keys(normalised.listener).length)
    report.warning(["decisions", "keep"], 'has no effect: nobody could search them. Add a listener with protocol = "http", or remove it.');
  const speaks = (protocol: ListenerProtocol) => listeners.some((listener) => listener.protocol === protocol);
  const listening: Listening = {
    ...{ normalised, settings, used, report },
    has: { policy: speaks("policy"), milter: speaks("milter"), socketmap: speaks("socketmap") },
    rewrites: listeners.some(({ protocol, rewrite }) => protocol === "milter" && rewrite === true),
  };
  warnOfHostname(listening);
  warnOfRecipients(listening);
  warnOfSender(listening);
  warnOfMailScript(listening);
  warnOfExtensions(listening);
  warnOfEnforcing(listening);
  warnOfMaps(listening);
  warnOfSenderAuth(listening);
  warnOfDnsLists(listening);
}

/** That of the machine, which is short on many, is what is used where none is written. */
function warnOfHostname({ normalised: { server }, report }: Listening): void {
  const path: KeyPath = ["server", "hostname"];
  if (!report.isWritten(path) || report.hasErrorAt(path) || /[.:]/.test(server.hostname)) return;
  report.warning(
    path,
    `"${server.hostname}" is not the whole name of this machine, at which mail for postmaster is refused then. Write it like "mx.example.org".`,
  );
}

function warnOfRecipients(listening: Listening): void {
  const { report, has, rewrites } = listening;
  if (rewrites || has.socketmap) return;
  const { session, domain } = listening.normalised;
  const { rcpt } = session;
  const message = has.milter
    ? "changes recipients, which no listener does: the milter has rewrite = false. Remove that, or add a socketmap listener."
    : "changes recipients, which the policy protocol cannot do: the new recipient is checked, but mail is delivered to the one that was given. " +
      "Add a milter or a socketmap listener.";
  const changes: readonly (readonly [KeyPath, boolean])[] = [
    [["session", "rcpt", "rewrite"], !isOff(rcpt.rewrite)],
    [["session", "rcpt", "script"], mayScriptSet("to", "rcpt", listening)],
    [["session", "rcpt", "sub-addressing"], yieldsAddress(rcpt["sub-addressing"])],
    [["session", "rcpt", "catch-all"], yieldsAddress(rcpt["catch-all"])],
    [["session", "rcpt", "aliases"], rcpt.aliases === "primary"],
    ...domain.flatMap((each, index): readonly (readonly [KeyPath, boolean])[] => [
      [["domain", index, "sub-addressing"], yieldsAddress(each["sub-addressing"])],
      [["domain", index, "catch-all-address"], each["catch-all-address"] !== undefined],
    ]),
  ];
  for (const [path, isChange] of changes) if (isChange) report.warning(path, message);
}

function isOff(rules: StageRules): boolean {
  return onlyExpression(rules) === "false";
}

/** Not merely true or false. */
function yieldsAddress(rules: StageRules | undefined): boolean {
  return rules !== undefined && [...rules.rules.map(({ then }) => then), rules.else].some((text) => !/^\s*(?:true|false)\s*$/.test(text));
}

function warnOfSender(listening: Listening): void {
  if (listening.rewrites) return;
  const changes: readonly (readonly [KeyPath, boolean])[] = [
    [["session", "mail", "rewrite"], !isOff(listening.normalised.session.mail.rewrite)],
    [["session", "mail", "script"], mayScriptSet("from", "mail", listening)],
    [["session", "rcpt", "script"], mayScriptSet("from", "rcpt", listening)],
  ];
  for (const [path, isChange] of changes) {
    if (!isChange) continue;
    listening.report.warning(
      path,
      "changes the sender, which only a milter with rewrite = true can do: rules see the new sender, the message keeps the one that was given. " +
        "Add one, or have the MTA make the same change, in Postfix by sender_canonical_maps.",
    );
  }
}

/** In servers that receive the mail themselves this adds a recipient. */
function warnOfMailScript(listening: Listening): void {
  if (listening.settings.rcpt.script !== undefined || !mayScriptSet("to", "mail", listening)) return;
  listening.report.warning(
    ["session", "mail", "script"],
    "sets envelope.to, which does nothing at MAIL: there is no recipient yet, and none can be added. Run the script by session.rcpt.script.",
  );
}

/** Whether a script that the stage may run does so. */
function mayScriptSet(part: EnvelopePart, stage: "mail" | "rcpt", { normalised, settings }: Listening): boolean {
  return [...scriptsAt(stage, normalised, settings)].some(({ sets }) => sets.has(part));
}

/** Scripts that the stage may run. */
function scriptsAt(stage: ScriptStage, normalised: Normalised, { sieve: { scripts } }: Settings): ReadonlySet<Script> {
  // A name that is computed may be any of them.
  return new Set(scriptsByStage(normalised)[stage].flatMap((name) => scripts.get(name.toLowerCase()) ?? [...scripts.values()]));
}

/** Which protocols carry out a key of `session.extensions`. */
const carriers: Readonly<Record<keyof Normalised["session"]["extensions"], readonly ListenerProtocol[]>> = {
  pipelining: ["socketmap"],
  chunking: ["socketmap"],
  requiretls: ["milter", "socketmap"],
  "no-soliciting": [],
  dsn: ["milter", "socketmap"],
  "future-release": ["milter"],
  "deliver-by": ["milter"],
  "mt-priority": ["milter"],
  vrfy: ["policy", "socketmap"],
  expn: ["socketmap"],
};

const listenerOf: Readonly<Record<ListenerProtocol, string>> = {
  policy: "a policy listener",
  milter: 'a milter with extensions = "enforce"',
  socketmap: "a socketmap listener (the maps ehlo-keywords and srv_features)",
};

function warnOfExtensions(listening: Listening): void {
  const { report, has } = listening;
  for (const [key, protocols] of Object.entries(carriers)) {
    if (protocols.some((protocol) => has[protocol]) || !isChanged(listening, "extensions", key)) continue;
    const message =
      protocols.length === 0
        ? "has no effect: no protocol can make an MTA offer it. Remove it."
        : `has no effect with these listeners. Add ${protocols.map((protocol) => listenerOf[protocol]).join(" or ")}.`;
    report.warning(["session", "extensions", key], message);
  }
}

function warnOfEnforcing({ normalised, report, has }: Listening): void {
  if (has.socketmap) return;
  for (const [name, { extensions }] of Object.entries(normalised.listener)) {
    if (extensions !== "enforce") continue;
    report.warning(
      ["listener", name, "extensions"],
      "refuses what the MTA still offers: clients that use it fail. " +
        "Add a socketmap listener and give the MTA its map ehlo-keywords (Postfix) or srv_features (Sendmail).",
    );
  }
}

const noSession = "has no effect with these listeners: a map has no session. Add a policy or a milter listener.";

/** What is decided at MAIL and RCPT, and is not a property of a recipient. */
const beyondMaps = [
  ["ehlo", "require"],
  ["auth", "must-match-sender"],
  ["mail", "is-allowed"],
  ["mail", "deny"],
  ["mail", "script"],
  ["rcpt", "deny"],
  ["rcpt", "script"],
  ["rcpt", "relay"],
  ["rcpt", "max-recipients"],
  ["rcpt", "errors"],
  ["rcpt", "replies"],
] as const;

function warnOfMaps(listening: Listening): void {
  const { normalised, report, has } = listening;
  if (!has.socketmap) return;
  for (const [name, { protocol, mode, rewrite }] of Object.entries(normalised.listener)) {
    if (protocol === "socketmap" && mode === "shadow") {
      report.warning(
        ["listener", name, "mode"],
        "does not cover the maps recipients, domains and lookups: only what maps would change is held back, and the MTA refuses what is not in those. " +
          "Keep those maps out of the MTA's configuration while it is shadow.",
      );
    }
    if (protocol === "milter" && rewrite) {
      report.warning(
        ["listener", name, "rewrite"],
        "changes recipients, and the map aliases of the socketmap listener changes them once more if the MTA asks it. " +
          "Set rewrite = false, or leave that map out of the MTA's configuration.",
      );
    }
  }
  for (const [path, unknown] of unknownToMaps(listening)) {
    report.warning(
      path,
      `uses ${unknown.join(", ")}, which is empty or false when a map is asked: there an address may resolve differently. ` +
        "Write rules that depend on the recipient alone.",
    );
  }
  if (mayScriptSet("to", "rcpt", listening)) {
    report.warning(
      ["session", "rcpt", "script"],
      "changes recipients, and maps run no scripts: the maps recipients and aliases of the socketmap listener answer for the address as given. " +
        "Keep them out of the MTA's configuration where a script changes recipients, and have a milter do so.",
    );
  }
  warnOfHelo(listening);
  if (has.policy || has.milter) return;
  for (const [table, key] of beyondMaps) {
    if (!isChanged(listening, table, key)) continue;
    report.warning(["session", table, key], noSession);
  }
}

function warnOfHelo(listening: Listening): void {
  const { normalised, settings, report } = listening;
  const { rejectNonFqdn, deny, script } = settings.ehlo;
  const rules: readonly (readonly [KeyPath, Rule | undefined])[] = [
    [["session", "ehlo", "reject-non-fqdn"], rejectNonFqdn],
    ...deny.map((denial, index): readonly [KeyPath, Rule] => [["session", "ehlo", "deny", index, "if"], denial.if]),
    [["session", "ehlo", "script"], script],
  ];
  for (const [path, rule] of rules) {
    if (rule === undefined || isKnownToHelo(rule)) continue;
    report.warning(path, "is not asked by the map helo, which knows the name alone. A policy or a milter listener asks it.");
  }
  if (script === undefined || !isKnownToHelo(script)) return;
  for (const { name, reads } of scriptsAt("ehlo", normalised, settings)) {
    const unknown = [...unknownToHelo(reads)];
    if (unknown.length === 0) continue;
    report.warning(
      ["session", "ehlo", "script"],
      `may run the script ${name}, which the map helo does not run: it knows the name alone, and the script reads ${unknown.join(", ")}. ` +
        "A policy or a milter listener runs it.",
    );
  }
}

/** What is known where a map is asked. */
const knownToMaps: ReadonlySet<string> = new Set(["rcpt", "rcpt_domain", "address", "email", "listener", "local_port", "protocol"]);

function unknownToMaps({ normalised, settings }: Listening): readonly (readonly [KeyPath, readonly string[]])[] {
  const { rcpt, domains } = settings;
  const rules: readonly (readonly [KeyPath, Rule | boolean | undefined])[] = [
    [["session", "rcpt", "directory"], rcpt.directory],
    [["session", "rcpt", "rewrite"], rcpt.rewrite],
    [["session", "rcpt", "sub-addressing"], rcpt.subAddressing],
    [["session", "rcpt", "catch-all"], rcpt.catchAll],
    ...normalised.domain.map(({ name }, index): readonly [KeyPath, Rule | boolean | undefined] => [
      ["domain", index, "sub-addressing"],
      domains.get(canonicalDomain(name))?.subAddressing,
    ]),
  ];
  return rules.flatMap(([path, rule]) => {
    const unknown = typeof rule === "object" ? [...rule.variables].filter((name) => !knownToMaps.has(name)) : [];
    return unknown.length === 0 ? [] : [[path, unknown] as const];
  });
}

function warnOfSenderAuth({ settings, used, report, has }: Listening): void {
  const { spfEhlo, spfMail, iprev, headerHost } = settings.senderAuth;
  if (!(has.policy || has.milter)) {
    const asked: readonly (readonly [KeyPath, Rule | undefined])[] = [
      [["auth", "spf", "verify", "ehlo"], spfEhlo],
      [["auth", "spf", "verify", "mail-from"], spfMail],
      [["auth", "iprev", "verify"], iprev],
    ];
    for (const [path, rule] of asked) if (rule !== undefined) report.warning(path, noSession);
  }
  if (headerHost !== undefined && !asksSpf(settings, used)) {
    report.warning(
      ["auth", "spf", "header"],
      "has no effect: nothing asks about SPF. Set mail-from in [auth.spf.verify] to \"'relaxed'\", or remove it.",
    );
  }
  if (has.policy && headerHost !== undefined && settings.rcpt.greylist.headerHost !== undefined) {
    report.warning(
      ["auth", "spf", "header"],
      "a message with the X-Greylist header of session.rcpt.greylist.header gets no Received-SPF by the policy protocol, which has one header in a reply. " +
        "Turn one of them off, or use a milter.",
    );
  }
}

function warnOfDnsLists({ normalised, used, report }: Listening): void {
  for (const name of Object.keys(normalised["dns-list"])) {
    if (used.dnsLists.has(name)) continue;
    report.warning(
      ["dns-list", name],
      `is never asked: no rule and no active script names it. Refuse by it with if = "dns_listed('${name}')" in session.rcpt.deny, or remove it.`,
    );
  }
}

/** The default promises nothing, whether it is written or not. */
function isChanged({ normalised, report }: Listening, table: "auth" | "ehlo" | "extensions" | "mail" | "rcpt", key: string): boolean {
  if (!report.isWritten(["session", table, key])) return false;
  const valueIn = (tables: Normalised["session"]) => JSON.stringify(new Map<string, unknown>(Object.entries(tables[table])).get(key));
  return valueIn(normalised.session) !== valueIn(schema.parse({}).session);
}
