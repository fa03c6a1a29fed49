/** Small working sources: a directory and lists in memory, and for expressions nothing but what a test passes. */

import { TemporaryError } from "../../src/answer/temporary-error.ts";
import type { Ask } from "../../src/expr/ask.ts";
import { domainOf } from "../../src/mail/address.ts";
import type { Directory, Recipient, Sources } from "../../src/stage/sources.ts";
import type { State } from "../../src/stage/state.ts";

/** Address → the account's first address, or the members of a list. */
export type Entries = Readonly<Record<string, string | readonly string[]>>;

export interface FakeDirectory extends Directory {
  /** The questions, in order. */
  readonly asked: string[];
  /** While true every question fails. */
  down: boolean;
}

export function directoryOf(entries: Entries, { name = "accounts", waits = false, domains = [] as readonly string[] } = {}): FakeDirectory {
  const local = new Set([...domains, ...Object.keys(entries).map((address) => domainOf(address) ?? "")]);
  const answer = <T>(value: T): T | Promise<T> => {
    if (directory.down) {
      if (waits) return Promise.reject(new TemporaryError("down"));
      throw new TemporaryError("down");
    }
    return waits ? Promise.resolve(value) : value;
  };
  const directory: FakeDirectory = {
    name,
    waits,
    asked: [],
    down: false,
    isLocalDomain(domain) {
      directory.asked.push(domain);
      return answer(local.has(domain));
    },
    recipient(address) {
      directory.asked.push(address);
      const entry = Object.hasOwn(entries, address) ? entries[address] : undefined;
      return answer<Recipient | undefined>(
        entry === undefined
          ? undefined
          : typeof entry === "string"
            ? { kind: "mailbox", primaries: [entry] }
            : { kind: "list", members: entry },
      );
    },
    verify: (text) => answer(Object.keys(entries).filter((address) => entries[address] === address && address.includes(text))),
    expand(address) {
      const entry = Object.hasOwn(entries, address) ? entries[address] : undefined;
      return answer(typeof entry === "object" ? entry : undefined);
    },
  };
  return directory;
}

const nothingToAsk: Ask = {
  isLocalDomain: () => false,
  isLocalAddress: () => false,
  keyGet: () => undefined,
  keySet: () => undefined,
  counterGet: () => 0,
  counterIncr: (_store, _key, by) => by,
  sqlQuery: () => {
    throw new TemporaryError("no SQL here");
  },
  dnsQuery: () => {
    throw new TemporaryError("no DNS here");
  },
  dnsList: () => {
    throw new TemporaryError("no DNS here");
  },
};

const nothingRemembered: State = {
  greylist: () => ({ kind: "pass", firstPass: false, waitedMs: 0 }),
  throttle: () => ({ allowed: true, taken: 0 }),
  giveBack: () => undefined,
  remember: () => undefined,
  areCorrespondents: () => false,
};

export function sourcesOf(
  directories: readonly Directory[],
  lists: Readonly<Record<string, readonly string[]>> = {},
  ask: Partial<Ask> = {},
  remembered: Partial<Pick<Sources, "state" | "exemptions" | "now">> = {},
): Sources {
  const byName = new Map(directories.map((directory) => [directory.name, directory]));
  return {
    ask: { ...nothingToAsk, ...ask },
    senderAuth: { spf: () => ({ result: "none", by: "no record", mechanism: "" }), iprev: () => ({ result: "permerror", ptr: "" }) },
    now: () => 0,
    yieldToLoop: () => Promise.resolve(),
    state: nothingRemembered,
    exemptions: { client: () => false, recipient: () => false },
    ...remembered,
    directory: (name) => (name === "" || name === "*" ? directories[0] : byName.get(name)),
    lookup(name) {
      const keys = lists[name];
      return keys === undefined ? undefined : { waits: false, get: (key) => (keys.includes(key.toLowerCase()) ? 1 : undefined) };
    },
  };
}
