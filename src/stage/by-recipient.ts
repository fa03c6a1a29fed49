/** What is known of the recipients of one message. Most have a single one, for which a Map would be several times too large. */

export class ByRecipient<V> {
  #first: string | undefined;
  #value: V | undefined;
  #others: Map<string, V> | undefined;

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  has(recipient: string): boolean {
    return recipient === this.#first || this.#others?.has(recipient) === true;
  }

  get(recipient: string): V | undefined {
    return recipient === this.#first ? this.#value : this.#others?.get(recipient);
  }

  set(recipient: string, value: V): void {
    this.#first ??= recipient;
    if (recipient === this.#first) {
      this.#value = value;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(recipient, value);
  }

  /** In the order in which they came. */
  recipients(): readonly string[] {
    return this.#first === undefined ? [] : [this.#first, ...(this.#others?.keys() ?? [])];
  }
}
