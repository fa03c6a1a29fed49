/** The answer to a question that may need IO: at hand, or to be waited for. */

/** Throws or rejects with a `TemporaryError` when it cannot tell. */
export type Answer<T> = T | Promise<T>;
