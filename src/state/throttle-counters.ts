/** The counters of throttles in a state store, for whoever looks after them. */
import { canonicalIp, networkOf } from "../mail/ip.ts";
import type { Throttle } from "../stage/stage-settings.ts";
import { counterPrefix } from "../stage/throttle.ts";
import { countedNow } from "./decide.ts";
import type { Administration, ThrottleEntry } from "./state-store.ts";

export interface ThrottleCounter {
  readonly throttle: Throttle;
  /** What is counted apart, the values separated by spaces; `""`: all is counted together. A long one is cut. */
  readonly key: string;
  /** Against `throttle.count`. */
  readonly count: number;
  /** When the time began that is counted, in milliseconds since the epoch. */
  readonly since: number;
}

/** The part of its limit above which a counter is near it. */
const nearLimit = 0.8;

/** Few, since requests for decisions wait while an embedded store reads them. */
const pageSize = 250;

/** Those that count something now, or are near their limit, page by page. Rejects with a `TemporaryError`. */
export async function* countersOf(
  store: Administration,
  throttles: readonly Throttle[],
  now: number,
  onlyNear = false,
): AsyncGenerator<readonly ThrottleCounter[]> {
  for (const throttle of throttles) {
    const above = onlyNear ? throttle.count * nearLimit : 0;
    for await (const page of entriesOf(store, throttle)) yield page.flatMap((entry) => counterOf(entry, throttle, now, above) ?? []);
  }
}

/** The counter of that key, as `ThrottleCounter` has it, begins again; `undefined`: all of the throttle do. How many there were. */
export async function resetCounters(store: Administration, throttle: Throttle, key: string | undefined): Promise<number> {
  const wanted = key === undefined ? undefined : comparable(key, throttle);
  let count = 0;
  for await (const page of entriesOf(store, throttle)) {
    const keys = page.map((entry) => entry.key).filter((each) => wanted === undefined || keyOf(each, throttle).toLowerCase() === wanted);
    if (keys.length > 0) count += await store.resetThrottles(keys);
  }
  return count;
}

async function* entriesOf(store: Administration, throttle: Throttle): AsyncGenerator<readonly ThrottleEntry[]> {
  for (let after: string | undefined; ; ) {
    const page = await store.listThrottles(counterPrefix(throttle), { limit: pageSize, ...(after !== undefined && { after }) });
    yield page;
    after = page.at(-1)?.key;
    if (page.length < pageSize) return;
  }
}

/** `undefined`: it counts no more than `above`. */
function counterOf(entry: ThrottleEntry, throttle: Throttle, now: number, above: number): ThrottleCounter | undefined {
  const { periodMs, window } = throttle;
  const count = countedNow(entry, { now, periodMs, window });
  if (count <= above) return undefined;
  const since = window === "fixed" ? Math.floor(now / periodMs) * periodMs : now - periodMs;
  return { throttle, key: keyOf(entry.key, throttle), count, since };
}

/** Of a key that was cut, what is left of it. */
function keyOf(key: string, throttle: Throttle): string {
  const rest = key.slice(counterPrefix(throttle).length);
  try {
    // It was made from texts.
    const [, ...values] = JSON.parse(`[""${rest}`) as string[];
    return values.join(" ");
  } catch {
    return rest.replace(/^,/, "");
  }
}

/** An address as it is counted; other values are as they are listed, in lower case. */
function comparable(key: string, throttle: Throttle): string {
  const address = throttle.key.join() === "remote_ip" ? canonicalIp(key) : undefined;
  return address?.includes(":") ? networkOf(address, 32, throttle.ipv6Prefix) : (address ?? key.toLowerCase());
}
