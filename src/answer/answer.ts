/** The answer to a question that may need IO: at hand, or to be waited for. */

/** Throws or rejects with a `TemporaryError` when it cannot tell. */
export type Answer<T> = T | Promise<T>;

/** What `become` makes of the value. `state` is what else it needs: a closure would be made for each question, and most answers are at hand. */
export function after<T, U>(answer: Answer<T>, become: (value: T) => Answer<U>): Answer<U>;
export function after<T, U, S>(answer: Answer<T>, become: (value: T, state: S) => Answer<U>, state: S): Answer<U>;
export function after<T, U, S>(answer: Answer<T>, become: (value: T, state: S | undefined) => Answer<U>, state?: S): Answer<U> {
  return answer instanceof Promise ? later(answer, become, state) : become(answer, state);
}

/** Not an async function, which would cost twice as much. */
function later<T, U, S>(answer: Promise<T>, become: (value: T, state: S) => Answer<U>, state: S): Promise<U> {
  return answer.then((value) => become(value, state));
}
