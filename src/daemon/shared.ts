/** What cores before and after a reload share: whoever asks by the same settings gets what is open already, and the last one to let go closes it. */

/** All that somebody holds, released together, what came last first. */
export class Leases {
  readonly #releases: (() => Promise<void> | void)[] = [];

  hold<T>(resource: T, release: (resource: T) => Promise<void> | void): T {
    this.#releases.push(() => release(resource));
    return resource;
  }

  async release(): Promise<void> {
    await Promise.all(
      this.#releases
        .splice(0)
        .reverse()
        .map((release) => release()),
    );
  }
}

interface OpenResource<T> {
  readonly resource: T;
  /** What it holds in turn, until nobody holds it any more. */
  readonly own: Leases;
  holders: number;
}

export class Shared<T> {
  /** By their settings. */
  readonly #open = new Map<string, OpenResource<T>>();

  /** `settings`: all that `open` makes the resource from, as data. */
  lease(settings: unknown, holder: Leases, open: (own: Leases) => T): T {
    const key = JSON.stringify(settings);
    const present = this.#open.get(key) ?? this.#add(key, open);
    present.holders += 1;
    return holder.hold(present.resource, async () => {
      present.holders -= 1;
      if (present.holders > 0) return;
      this.#open.delete(key);
      await present.own.release();
    });
  }

  #add(key: string, open: (own: Leases) => T): OpenResource<T> {
    const own = new Leases();
    try {
      const added: OpenResource<T> = { resource: open(own), own, holders: 0 };
      this.#open.set(key, added);
      return added;
    } catch (error) {
      void own.release();
      throw error;
    }
  }
}
