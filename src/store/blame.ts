/** Who is at fault when a statement fails, and what follows from it, whatever the engine. */
import type { Availability } from "../answer/availability.ts";
import { TemporaryError, UnusableAnswer } from "../answer/temporary-error.ts";

export type Blame = "values" | "statement" | "database";

/** What is told to who asked. */
export function failureOf(blame: Blame, message: string, options?: ErrorOptions): TemporaryError {
  return blame === "values" ? new UnusableAnswer(message, options) : new TemporaryError(message, options);
}

/** With other values the same statement may work. */
export function reportFailure(availability: Availability, blame: Blame, sql: string, error: TemporaryError): void {
  if (blame !== "values") availability.failed(blame === "statement" ? sql : "", error);
}
