/** The answer to a question that may need IO: at hand, or to be waited for. */

/** Throws or rejects with a `TemporaryError` when it cannot tell. */
export type Answer<T> = T | Promise<T>;

export function after<T, U>(answer: Answer<T>, become: (value: T) => Answer<U>): Answer<U> {
  return answer instanceof Promise ? answer.then(become) : become(answer);
}
