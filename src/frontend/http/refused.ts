/** What is refused most, among decisions. */
import { networkOf } from "../../mail/ip.ts";
import type { Counted, KeptDecision, Refused } from "./api.ts";
import { outcomeOf } from "./decision-filter.ts";

/** Of each kind. */
const shown = 20;

export function refusedAmong(decisions: readonly KeptDecision[]): Refused {
  const refused = decisions.filter((decision) => outcomeOf(decision) !== "pass");
  return {
    since: decisions[0]?.time ?? null,
    decisions: decisions.length,
    refused: refused.length,
    byReason: mostFrequent(refused.map(({ reason }) => reason)),
    byNetwork: mostFrequent(refused.map(({ client }) => (client === "" ? "" : networkOf(client, 24, 64)))),
    byRecipient: mostFrequent(refused.map(({ recipient }) => recipient.toLowerCase())),
  };
}

function mostFrequent(values: readonly string[]): readonly Counted[] {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, shown);
}
