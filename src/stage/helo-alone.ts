/** What of the EHLO stage depends on the name alone: all that the map `helo` can decide by. */
import { after } from "../answer/answer.ts";
import { toText, type Value } from "../expr/value.ts";
import type { Core } from "./core.ts";
import type { Rule, ScriptRule } from "./stage-settings.ts";

/** Without the rules and scripts that depend on more than the name: what they see empty would be true of everybody. */
export function withoutSession(core: Core): Core {
  const { ehlo } = core.settings;
  const rejectNonFqdn = isKnownToHelo(ehlo.rejectNonFqdn) ? ehlo.rejectNonFqdn : never;
  const deny = ehlo.deny.every((denial) => isKnownToHelo(denial.if)) ? ehlo.deny : ehlo.deny.filter((denial) => isKnownToHelo(denial.if));
  const script = knownScript(core);
  if (rejectNonFqdn === ehlo.rejectNonFqdn && deny === ehlo.deny && script === ehlo.script) return core;
  return { ...core, settings: { ...core.settings, ehlo: { ...ehlo, rejectNonFqdn, deny, script } } };
}

const never: Rule = { waits: false, variables: new Set(), constant: 0, evaluate: () => 0 };

/** Which script runs, unless it reads more than the name. */
function knownScript({ settings }: Core): ScriptRule {
  const { script } = settings.ehlo;
  if (script === undefined || !isKnownToHelo(script)) return undefined;
  const isKnown = (value: Value) => settings.sieve.scripts.get(toText(value).toLowerCase())?.reads.isSubsetOf(knownToScripts) ?? true;
  if (script.constant !== undefined) return isKnown(script.constant) ? script : undefined;
  return { ...script, evaluate: (...given) => after(script.evaluate(...given), (value) => (isKnown(value) ? value : 0)) };
}

const knownToHelo: ReadonlySet<string> = new Set(["helo_domain", "listener", "local_port", "protocol"]);

/** Whether a rule of the EHLO stage knows all that it asks about where the map `helo` is asked. */
export function isKnownToHelo({ variables }: Rule): boolean {
  return variables.isSubsetOf(knownToHelo);
}

/** What is the same in every session, and what no script has at EHLO. */
const knownToScripts = knownToHelo.union(
  new Set([
    ...["now", "stage", "domain", "host", "location", "name", "phase", "version"],
    ...["spf.result", "param.body", "param.smtputf8", "param.requiretls"],
  ]),
);

/** Of what a script of the EHLO stage reads, what the map `helo` does not know. */
export function unknownToHelo(reads: ReadonlySet<string>): ReadonlySet<string> {
  return reads.difference(knownToScripts);
}
