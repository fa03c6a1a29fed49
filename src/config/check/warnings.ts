/** What the listeners cannot carry out of what the settings say, and what they would carry out twice. */
import { canonicalDomain } from "../../mail/domain.ts";
import type { EnvelopePart } from "../../sieve/script.ts";
import type { Rule, Settings } from "../../stage/stage-settings.ts";
import type { Build } from "../compile/context.ts";
import { scriptsOf } from "../compile/scripts.ts";
import { schema } from "../schema/schema.ts";
import type { Path } from "../syntax/tree.ts";

/** Without a listener nothing is carried out, and nobody expects it. */
export function warnOfListeners(build: Build, settings: Settings): void {
  const serving = servingOf(build);
  if (serving.names.length === 0) return;
  warnOfRecipients(build, settings, serving);
  warnOfSender(build, settings, serving);
  warnOfMailScript(build, settings);
  warnOfExtensions(build, serving);
  warnOfEnforcing(build, serving);
  warnOfMaps(build, settings, serving);
}

type Protocol = Build["document"]["listener"][string]["protocol"];

interface Serving {
  readonly names: readonly string[];
  /** Some listener speaks it. */
  readonly has: Readonly<Record<Protocol, boolean>>;
  /** Some milter changes recipients and the sender. */
  readonly rewrites: boolean;
}

function servingOf({ document }: Build): Serving {
  const listeners = Object.values(document.listener);
  const has = (protocol: Protocol) => listeners.some((listener) => listener.protocol === protocol);
  return {
    names: Object.keys(document.listener),
    has: { policy: has("policy"), milter: has("milter"), socketmap: has("socketmap") },
    rewrites: listeners.some(({ protocol, rewrite }) => protocol === "milter" && rewrite !== false),
  };
}

function warnOfRecipients({ document, report }: Build, settings: Settings, { has, rewrites }: Serving): void {
  if (rewrites || has.socketmap) return;
  const reason = has.milter
    ? "changes recipients, which no listener does: the milter has rewrite = false."
    : "changes recipients, which the policy protocol cannot: a recipient passes by what it becomes, and is delivered as given.";
  const mend = has.milter ? "Remove that, or add a socketmap listener." : "Add a milter or a socketmap listener.";
  const { rcpt } = document.session;
  const changes: readonly (readonly [Path, boolean])[] = [
    [["session", "rcpt", "rewrite"], rcpt.rewrite !== false],
    [["session", "rcpt", "script"], mayScriptSet("to", "rcpt", document, settings)],
    [["session", "rcpt", "sub-addressing"], Array.isArray(rcpt["sub-addressing"])],
    [["session", "rcpt", "catch-all"], Array.isArray(rcpt["catch-all"])],
    [["session", "rcpt", "aliases"], rcpt.aliases === "primary"],
    ...document.domain.flatMap((domain, index): readonly (readonly [Path, boolean])[] => [
      [["domain", index, "sub-addressing"], Array.isArray(domain["sub-addressing"])],
      [["domain", index, "catch-all-address"], domain["catch-all-address"] !== undefined],
    ]),
  ];
  for (const [path, isChange] of changes) if (isChange) report.warning(path, `${reason} ${mend}`);
}

function warnOfSender({ document, report }: Build, settings: Settings, { rewrites }: Serving): void {
  if (rewrites) return;
  const { mail } = document.session;
  const changes: readonly (readonly [Path, boolean])[] = [
    [["session", "mail", "rewrite"], mail.rewrite !== false],
    [["session", "mail", "script"], mayScriptSet("from", "mail", document, settings)],
    [["session", "rcpt", "script"], mayScriptSet("from", "rcpt", document, settings)],
  ];
  for (const [path, isChange] of changes) {
    if (!isChange) continue;
    report.warning(
      path,
      "changes the sender, which only a milter with rewrite = true can: rules see the changed one, the message keeps the given one. " +
        "Add one, or have the MTA make the same change, in Postfix by sender_canonical_maps.",
    );
  }
}

/** Servers that take the mail themselves add a recipient by it. */
function warnOfMailScript({ document, report }: Build, settings: Settings): void {
  if (document.session.rcpt.script !== false || !mayScriptSet("to", "mail", document, settings)) return;
  report.warning(
    ["session", "mail", "script"],
    "sets envelope.to, which does nothing at MAIL: there is no recipient yet, and none can be added. Run the script by session.rcpt.script.",
  );
}

/** Whether a script that the stage may run does so. */
function mayScriptSet(part: EnvelopePart, stage: "mail" | "rcpt", { session }: Build["document"], { sieve }: Settings): boolean {
  const all = [...sieve.scripts.values()];
  // A name that is computed may be any of them.
  const run = scriptsOf(session[stage].script).flatMap((name) => sieve.scripts.get(name.toLowerCase()) ?? all);
  return run.some(({ sets }) => sets.has(part));
}

const milterRefuses = 'a milter with extensions = "enforce"';
const mapHides = "a socketmap listener (the maps ehlo-keywords and srv_features)";

/** Which protocols carry out a key of `session.extensions`. */
const carriers: Readonly<Record<keyof Build["document"]["session"]["extensions"], readonly Protocol[]>> = {
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

const mends: Readonly<Record<Protocol, string>> = { policy: "a policy listener", milter: milterRefuses, socketmap: mapHides };

function warnOfExtensions({ document, report }: Build, { has }: Serving): void {
  for (const [key, protocols] of Object.entries(carriers)) {
    if (!isChanged(document, "extensions", key) || protocols.some((protocol) => has[protocol])) continue;
    const message =
      protocols.length === 0
        ? "cannot be carried out: no protocol lets an MTA be told to offer it. Remove it."
        : `is carried out by no listener. Add ${protocols.map((protocol) => mends[protocol]).join(" or ")}.`;
    report.warning(["session", "extensions", key], message);
  }
}

function warnOfEnforcing({ document, report }: Build, { has }: Serving): void {
  if (has.socketmap) return;
  for (const [name, { extensions }] of Object.entries(document.listener)) {
    if (extensions !== "enforce") continue;
    report.warning(
      ["listener", name, "extensions"],
      "refuses what the MTA still offers, so that clients which take the offer fail. " +
        "Add a socketmap listener and give the MTA its map ehlo-keywords (Postfix) or srv_features (Sendmail).",
    );
  }
}

/** What is decided at MAIL and RCPT, and is no property of a recipient. */
const beyondMaps = [
  ["ehlo", "require"],
  ["mail", "script"],
  ["rcpt", "script"],
  ["rcpt", "relay"],
  ["rcpt", "max-recipients"],
  ["rcpt", "errors"],
  ["rcpt", "replies"],
] as const;

function warnOfMaps({ document, report }: Build, settings: Settings, { names, has, rewrites }: Serving): void {
  if (!has.socketmap) return;
  for (const name of names) {
    const { protocol, mode } = document.listener[name] ?? {};
    if (protocol !== "milter" && protocol !== "socketmap") continue;
    if (protocol === "socketmap" && mode === "shadow") {
      report.warning(
        ["listener", name, "mode"],
        "holds back what maps would change; but recipients, domains and lookups are told as they are, and the MTA refuses what is not in them. " +
          "Keep those maps out of the MTA's configuration as long as it is shadow.",
      );
    }
    if (protocol === "milter" && rewrites && document.listener[name]?.rewrite !== false) {
      report.warning(
        ["listener", name, "rewrite"],
        "changes recipients, and the map aliases of the socketmap listener changes them once more if the MTA asks it. " +
          "Set rewrite = false, or leave that map out of the MTA's configuration.",
      );
    }
  }
  for (const [path, unknown] of unknownToMaps(settings, document)) {
    report.warning(
      path,
      `uses ${unknown.join(", ")}, which a map does not know and takes for empty or false: there an address may resolve to something else. ` +
        "Write rules that go by the recipient alone.",
    );
  }
  if (mayScriptSet("to", "rcpt", document, settings)) {
    report.warning(
      ["session", "rcpt", "script"],
      "changes recipients, and maps run no scripts: the maps recipients and aliases of the socketmap listener tell of the address as given. " +
        "Keep them out of the MTA's configuration where a script changes recipients, and have a milter do so.",
    );
  }
  if (has.policy || has.milter) return;
  for (const [table, key] of beyondMaps) {
    if (!isChanged(document, table, key)) continue;
    report.warning(["session", table, key], "is carried out by no listener: a map knows no session. Add a policy or a milter listener.");
  }
}

/** What is known where a map is asked. */
const knownToMaps: ReadonlySet<string> = new Set(["rcpt", "rcpt_domain", "address", "email", "listener", "local_port", "protocol"]);

function unknownToMaps(
  { rcpt, domains }: Settings,
  { domain: written }: Build["document"],
): readonly (readonly [Path, readonly string[]])[] {
  const rules: readonly (readonly [Path, Rule | boolean | undefined])[] = [
    [["session", "rcpt", "directory"], rcpt.directory],
    [["session", "rcpt", "rewrite"], rcpt.rewrite],
    [["session", "rcpt", "sub-addressing"], rcpt.subAddressing],
    [["session", "rcpt", "catch-all"], rcpt.catchAll],
    ...written.map(({ name }, index): readonly [Path, Rule | boolean | undefined] => [
      ["domain", index, "sub-addressing"],
      domains.get(canonicalDomain(name))?.subAddressing,
    ]),
  ];
  return rules.flatMap(([path, rule]) => {
    const unknown = typeof rule === "object" ? [...rule.variables].filter((name) => !knownToMaps.has(name)) : [];
    return unknown.length === 0 ? [] : [[path, unknown] as const];
  });
}

const defaults = schema.parse({}).session;

/** Other than the default, which promises nothing. */
function isChanged({ session }: Build["document"], table: "ehlo" | "extensions" | "mail" | "rcpt", key: string): boolean {
  const valueIn = (tables: typeof session) => JSON.stringify(new Map<string, unknown>(Object.entries(tables[table])).get(key));
  return valueIn(session) !== valueIn(defaults);
}
