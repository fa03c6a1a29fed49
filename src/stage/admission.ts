/** What an accepted recipient brings into its transaction. */

export interface Admission {
  readonly given: string;
  readonly resolved: readonly string[];
  /** It is one more recipient for `max-recipients`, and no duplicate. */
  readonly counts: boolean;
  /** The sender from now on; left out: as before. */
  readonly sender?: string;
  /** Counters that have counted the message by this recipient. */
  readonly counted?: readonly string[];
  /** That the message is to get. */
  readonly header?: Header;
}

export interface Header {
  readonly name: string;
  /** One line. */
  readonly value: string;
}
