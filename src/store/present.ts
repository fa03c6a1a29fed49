/** Without the keys of what is `undefined`, for packages that take such a key for given. */
export function present<T extends object>(values: T): Present<T> {
  // Some of the same entries.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
