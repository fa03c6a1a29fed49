/** `session.rcpt.relay`, with the lists that say `relay = true`. */
import type { RulePart } from "../../expr/compile.ts";
import type { Normalised } from "../normalise.ts";
import type { StageRules } from "../schema/values.ts";

export function relayRules({ session, "lookup-file": files, "lookup-sql": queries }: Normalised): StageRules {
  const { relay } = session.rcpt;
  const lists = [...Object.entries(files), ...Object.entries(queries)].flatMap(([name, list]) => (list.relay ? [name] : []));
  if (lists.length === 0) return relay;
  const listed = lists.map((name) => `key_exists('${name}', rcpt_domain)`).join(" || ");
  const pathOf = (part: RulePart) => {
    if (part.part === "else") return relay.pathOf(part);
    return part.index === 0 ? [] : relay.pathOf({ ...part, index: part.index - 1 });
  };
  return { ...relay, rules: [{ if: listed, then: "true" }, ...relay.rules], pathOf };
}
