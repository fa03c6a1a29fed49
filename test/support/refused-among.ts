/** What is refused most, among these decisions, as the console shows it. */
import type { KeptDecision, Refused } from "../../src/frontend/http/api.ts";
import { RefusedCount, shownRefused } from "../../src/frontend/http/refused.ts";

export function refusedAmong(decisions: readonly KeptDecision[]): Refused {
  const count = new RefusedCount();
  for (const decision of decisions) count.add(decision);
  return count.most(shownRefused);
}
