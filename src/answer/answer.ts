/** The answer to a question that may need IO: at hand, or to be waited for. */

/** Throws or rejects with a `TemporaryError` when it cannot tell. */
export type Answer<T> = T | Promise<T>;

/**
 * What `become` makes of the value. `states` are what else it needs: a closure would be made for each question, and most answers are at
 * hand.
 */
export function after<T, U>(answer: Answer<T>, become: (value: T) => Answer<U>): Answer<U>;
export function after<T, U, A>(answer: Answer<T>, become: (value: T, a: A) => Answer<U>, a: A): Answer<U>;
export function after<T, U, A, B, C>(
  answer: Answer<T>,
  become: (value: T, a: A, b: B, c: C) => Answer<U>,
  ...states: readonly [a: A, b: B, c: C]
): Answer<U>;
export function after<T, U, A, B, C>(
  answer: Answer<T>,
  become: (value: T, a: A | undefined, b: B | undefined, c: C | undefined) => Answer<U>,
  a?: A,
  b?: B,
  c?: C,
): Answer<U> {
  return answer instanceof Promise ? later(answer, become, a, b, c) : become(answer, a, b, c);
}

/** Not an async function, which would cost twice as much. */
function later<T, U, A, B, C>(answer: Promise<T>, become: (value: T, a: A, b: B, c: C) => Answer<U>, a: A, b: B, c: C): Promise<U> {
  return answer.then((value) => become(value, a, b, c));
}
