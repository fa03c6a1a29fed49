/** What an error says itself, whatever was thrown; those of its causes are left out. */
export function errorMessage(error: unknown): string {
  // Node reports the failures of all addresses of a name by an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(errorMessage).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** Where a bug is, as far as what was thrown says it. */
export function stackOf(error: unknown): string {
  return (error instanceof Error && error.stack) || String(error);
}
