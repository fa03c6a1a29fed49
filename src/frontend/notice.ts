/** What the administrator should know besides decisions. How it is worded and at which level is the log's business. */

export type Notice =
  /** Once for each address: the MTA must deliver it elsewhere, and a policy reply cannot say so. */
  | { readonly kind: "delivered-elsewhere"; readonly listener: string; readonly recipient: string; readonly resolved: readonly string[] }
  /** Once for each word. */
  | { readonly kind: "unknown-context"; readonly listener: string; readonly context: string }
  /** The connection was closed. */
  | { readonly kind: "protocol-error"; readonly listener: string; readonly peer: string; readonly message: string }
  /** Once for each time that it fills up; further connections are closed. */
  | { readonly kind: "connections-full"; readonly listener: string; readonly limit: number }
  | { readonly kind: "connections-free"; readonly listener: string; readonly refused: number }
  /** A bug: the request was deferred. */
  | { readonly kind: "internal-error"; readonly listener: string; readonly error: unknown };
