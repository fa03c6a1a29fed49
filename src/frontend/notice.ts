/** What the administrator should know besides decisions. How it is worded and at which level is the log's business. */

/**
 * `once`: it is given once for all that say the same there of its kind and listener, whatever process they come from. Left out: as often as
 * it happens in this process.
 */
export type OnNotice = (notice: Notice, once?: Once) => void;

export interface Once {
  readonly about: string;
  /** Default: never again. */
  readonly againAfterMs?: number;
}

export type Notice =
  /** Once for each address: the MTA must deliver it elsewhere, and a policy reply cannot say so. */
  | { readonly kind: "delivered-elsewhere"; readonly listener: string; readonly recipient: string; readonly resolved: readonly string[] }
  /** Once for each listener: requests name no message, so that all of one sender in a session counts as one. */
  | { readonly kind: "no-instance"; readonly listener: string }
  /** Once for each word. */
  | { readonly kind: "unknown-context"; readonly listener: string; readonly context: string }
  /** Once for each name. */
  | { readonly kind: "unknown-map"; readonly listener: string; readonly map: string }
  /** Once for each address. */
  | { readonly kind: "alias-loop"; readonly listener: string; readonly address: string }
  /** Once for each map and error. */
  | { readonly kind: "map-unavailable"; readonly listener: string; readonly map: string; readonly key: string; readonly error: unknown }
  /** Once for each parameter: it belongs to an extension that is off, or has a value beyond its maximum, and was let pass. */
  | { readonly kind: "extension-observed"; readonly listener: string; readonly parameter: string; readonly reply: string }
  /** Once for each address: it resolves to what cannot be written in SMTP, and is delivered as given. */
  | { readonly kind: "unwritable-address"; readonly listener: string; readonly address: string; readonly resolved: readonly string[] }
  /** Once for each listener: the MTA does not let messages be changed, and delivers them as given. */
  | { readonly kind: "changes-not-offered"; readonly listener: string }
  /** The recipients of all messages under way take as many octets as they may; further ones are deferred. Once an hour. */
  | { readonly kind: "too-many-at-once"; readonly listener: string; readonly limitOctets: number }
  /** Requests that are not whole take as many octets as they may; a long one got a temporary error, and its connection was closed. Once an hour. */
  | { readonly kind: "no-room"; readonly listener: string; readonly peer: string; readonly limitOctets: number }
  /** The connection was closed. Once an hour for each address. */
  | { readonly kind: "protocol-error"; readonly listener: string; readonly peer: string; readonly message: string }
  /** Once for each time that it fills up; further connections take the place of idle ones, or are closed if there is none. */
  | { readonly kind: "connections-full"; readonly listener: string; readonly limit: number }
  | { readonly kind: "connections-free"; readonly listener: string; readonly refused: number }
  /** Somebody came to an http listener with a token that it does not know. Once an hour for each address. */
  | { readonly kind: "wrong-token"; readonly listener: string; readonly peer: string }
  /** A bug: the request was deferred. */
  | { readonly kind: "internal-error"; readonly listener: string; readonly error: unknown }
  /** A bug: an http listener said status 500. Once an hour for each. */
  | { readonly kind: "http-error"; readonly listener: string; readonly request: string; readonly error: unknown };
