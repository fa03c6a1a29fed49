/** Who holds what is shared, and when it is closed. */
import { expect, it } from "vitest";
import { Leases, Shared } from "../../../src/daemon/shared.ts";

function start() {
  const events: string[] = [];
  const shared = new Shared<string>();
  const open = (name: string) => (own: Leases) => {
    events.push(`open ${name}`);
    return own.hold(name, () => void events.push(`close ${name}`));
  };
  const lease = (name: string, settings: unknown, holder = new Leases()) => {
    shared.lease(settings, holder, open(name));
    return holder;
  };
  return { events, shared, lease };
}

it("equal settings are one resource, different ones are others", async () => {
  const { events, lease } = start();
  const [one, two] = [lease("a", { path: "a", pool: 1 }), lease("again", { path: "a", pool: 1 })];
  const other = lease("b", { path: "a", pool: 2 });
  await one.release();
  await one.release();
  expect(events).toEqual(["open a", "open b"]);
  await two.release();
  expect(events).toEqual(["open a", "open b", "close a"]);
  await other.release();
  lease("a", { path: "a", pool: 1 });
  expect(events.slice(3)).toEqual(["close b", "open a"]);
});

it("what a resource holds in turn is let go when it is closed", async () => {
  const { events, shared, lease } = start();
  const outer = new Leases();
  new Shared<string>().lease("outer", outer, (own) => {
    lease("inner", 1, own);
    return own.hold("outer", () => void events.push("close outer"));
  });
  const inner = lease("inner", 1);
  await outer.release();
  expect(events).toEqual(["open inner", "close outer"]);
  await inner.release();
  expect(events).toEqual(["open inner", "close outer", "close inner"]);
  expect(shared.lease(1, new Leases(), () => "new")).toBe("new");
});

it("one that cannot be opened lets go what it held already, and is tried again", () => {
  const { events, lease } = start();
  const shared = new Shared<string>();
  const fail = (own: Leases): string => {
    lease("inner", 1, own);
    throw new Error("no");
  };
  expect(() => shared.lease(1, new Leases(), fail)).toThrow("no");
  expect(events).toEqual(["open inner", "close inner"]);
  expect(shared.lease(1, new Leases(), () => "now")).toBe("now");
});
