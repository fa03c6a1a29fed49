/** The listeners of a worker: the primary process changes its own later, and sends connections to those before until then. */
import { Socket } from "node:net";
import { expect, it } from "vitest";
import type { HttpSettings } from "../../../src/config/configuration.ts";
import { InheritedSockets } from "../../../src/daemon/listen-sockets.ts";

it("serve the listeners before a change until the primary process has switched", async () => {
  const sockets = new InheritedSockets();
  const taken: string[] = [];
  const change = (generation: number, ...names: readonly string[]) =>
    sockets.change(
      // What is asked of them.
      names.map((name) => ({ name }) as HttpSettings),
      ({ name }) =>
        () =>
          taken.push(`${name} ${generation}`) > 0,
    );
  const take = (name: string) => {
    const socket = new Socket();
    sockets.take(name, socket, false);
    if (socket.destroyed) taken.push(`${name} closed`);
    return taken.splice(0);
  };
  await change(1, "one", "two");
  await change(2, "two", "three");
  expect(["one", "two", "three"].map((name) => sockets.has(name))).toEqual([true, true, true]);
  expect(["one", "two", "three"].flatMap(take)).toEqual(["one 1", "two 2", "three 2"]);
  sockets.dropFormer();
  expect(sockets.has("one")).toBe(false);
  expect(["one", "two", "three"].flatMap(take)).toEqual(["one closed", "two 2", "three 2"]);
});
