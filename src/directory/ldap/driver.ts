/** The package that speaks LDAP. */
import type { EventEmitter } from "node:events";
import type { Client, ClientOptions, Message, SearchEntry } from "ldapts";
import { cleanText } from "../../text/controls.ts";
import { onDemand } from "../../text/on-demand.ts";

export const driver = onDemand<typeof import("ldapts")>("ldapts");

// RFC 4511 4.1.9
const sizeLimitExceeded = 4;
export const noSuchObject = 32;
export const invalidDnSyntax = 34;
export const invalidCredentials = 49;
export const busy = 51;
export const unavailable = 52;

/** What there is in a client of ldapts for each search that is not answered. */
interface ClientParts {
  readonly messageParser: EventEmitter<{ message: [Message] }>;
  readonly messageDetailsByMessageId: ReadonlyMap<string, Pending>;
}

interface Pending {
  readonly message: Message;
  readonly searchEntries?: readonly SearchEntry[];
  reject(error: Error): void;
}

/**
 * Of which a search fails that the server has cut short. ldapts takes "size limit exceeded" for success whenever a limit was asked
 * for, also when the server has one of its own and stopped sooner.
 */
export function newClient(options: ClientOptions): Client {
  const { Client, SearchRequest, SearchResponse, SizeLimitExceededError } = driver();
  const client = new Client(options);
  // ldapts says the result of a search nowhere else.
  const { messageParser, messageDetailsByMessageId } = client as unknown as ClientParts;
  messageParser.prependListener("message", (message) => {
    if (!(message instanceof SearchResponse) || message.status !== sizeLimitExceeded) return;
    const pending = messageDetailsByMessageId.get(String(message.messageId));
    if (!(pending?.message instanceof SearchRequest)) return;
    const { sizeLimit } = pending.message;
    if ((pending.searchEntries?.length ?? 0) < sizeLimit) pending.reject(new SizeLimitExceededError(message.errorMessage));
  });
  return client;
}

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
