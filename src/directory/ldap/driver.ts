/** The package that speaks LDAP. */
import { cleanText } from "../../text/controls.ts";
import { onDemand } from "../../text/on-demand.ts";

export const driver = onDemand<typeof import("ldapts")>("ldapts");

// RFC 4511 4.1.9
export const noSuchObject = 32;
export const invalidCredentials = 49;
export const busy = 51;
export const unavailable = 52;

/** Of an error or its cause; `undefined`: it is no answer of a server. */
export function resultCodeOf(error: unknown): number | undefined {
  if (error instanceof driver().ResultCodeError) return error.code;
  return error instanceof Error && error.cause !== undefined ? resultCodeOf(error.cause) : undefined;
}

/** What a server has answered, in words: those of ldapts are only what the server adds, which may be nothing. `about`: an entry. */
export function explain(error: unknown, about: string): unknown {
  const code = resultCodeOf(error);
  if (!(error instanceof Error) || code === undefined) return error;
  const name = error.constructor.name.replace(/Error$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  const added = cleanText(error.message.replace(/ *Code: 0x[\da-f]+$/, ""));
  return new Error(`${name} (LDAP result ${code}) for "${cleanText(about)}"${added === "" ? "" : `: ${added}`}`, { cause: error });
}
