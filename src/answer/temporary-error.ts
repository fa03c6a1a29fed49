/** "Cannot tell now": the third answer to a lookup, beside a value and `undefined`. */

/** Thrown by whatever asks the outside world. The stage that asked turns it into a 4yz reply; `cause` goes to the log only. */
export class TemporaryError extends Error {
  override name = "TemporaryError";
}

/** The source works, but what it has of this one thing cannot be used. Of others it can tell. */
export class UnusableAnswer extends TemporaryError {
  override name = "UnusableAnswer";
}
