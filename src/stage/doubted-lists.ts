/** Addresses that rules find by lists in files: while one of these may not be whole, what is not found is not refused for good. */
import { TemporaryError } from "../answer/temporary-error.ts";
import { domainOf } from "../mail/address.ts";
import type { Core } from "./core.ts";
import { mustBeTold } from "./in-doubt.ts";
import type { Rule } from "./stage-settings.ts";
import type { Scope } from "./vocabulary.ts";

/** To be called before an address is refused as unknown or foreign, with that as it was looked up: as `mustBeSure`, and `mustBeTold`. */
export function mustFindSurely(scope: Scope, core: Core): void {
  mustBeTold(scope, core);
  const { rewrite, directory, subAddressing, catchAll } = core.settings.rcpt;
  const own = core.settings.domains.get(domainOf(scope.rcpt) ?? "")?.subAddressing;
  for (const rule of [rewrite, directory, subAddressing, catchAll, own]) if (typeof rule === "object") mustBeSure(rule, core);
}

/** Throws a `TemporaryError` when the rule asks a doubted list, whatever that said. */
export function mustBeSure(rule: Rule, core: Core): void {
  const doubt = doubtOf(rule, core);
  if (doubt !== undefined) throw new TemporaryError(doubt);
}

function doubtOf({ lists }: Rule, core: Core): string | undefined {
  if (lists === undefined) return undefined;
  for (const name of lists) {
    const doubt = doubtOfList(name, core);
    if (doubt !== undefined) return doubt;
  }
  return undefined;
}

function doubtOfList(name: string, { sources }: Core): string | undefined {
  const doubt = sources.lookup(name)?.doubt;
  return doubt && `list ${name}: ${doubt}`;
}
