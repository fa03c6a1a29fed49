/** Which failures are the same for whoever reads of them. */

const maxLength = 500;
const maxDepth = 5;

/** Causes that differ only in addresses, ports, times and other numbers are of one kind. */
export function kindOf(cause: unknown): string {
  let text = "";
  let error = cause;
  for (let depth = 0; depth < maxDepth && error instanceof Error; depth += 1) {
    text += `${error.message}\n`;
    error = error.cause;
  }
  if (text === "") text = String(error);
  return text.slice(0, maxLength).replace(numbers, "#");
}

/** Decimal or hexadecimal, with what separates their parts; `::1` and `127.0.0.1` are the same, too. */
const numbers = /[.:]*(?<![a-z\d])[a-f\d]*\d[a-f\d]*(?:[.:]+[a-f\d]*(?![a-z]))*/gi;
