/** What an accepted recipient brings into its transaction. */

export interface Admission {
  readonly given: string;
  readonly resolved: readonly string[];
  /** It is one more recipient for `max-recipients`, and no duplicate. */
  readonly counts: boolean;
  /** The sender from now on; `undefined`: as before. */
  readonly sender: string | undefined;
  /** Counters that have counted the message by this recipient. */
  readonly counted: readonly string[];
  /** That the message is to get; where only one of them can be given, it is the first. */
  readonly headers: readonly Header[];
}

export interface Header {
  readonly name: string;
  /** One line. */
  readonly value: string;
}
