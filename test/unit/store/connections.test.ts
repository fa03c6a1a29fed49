/** What is given up has its place in the server until the server has ended it. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Connections } from "../../../src/store/connections.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

interface Served {
  readonly number: number;
  /** What the server does with the work. */
  readonly work: PromiseWithResolvers<string>;
}

/** A server that answers, and ends what it does, when it is told to. */
class HangingServer {
  readonly open = new Set<Served>();
  readonly ending: Served[] = [];
  most = 0;
  /** Connections that it gives at once. */
  gives = Number.POSITIVE_INFINITY;
  refused = 0;
  #count = 0;
  readonly connections: Connections<Served>;

  constructor(most: number) {
    this.connections = new Connections<Served>(most, {
      lend: async () => {
        if (this.open.size >= this.gives) {
          this.refused += 1;
          throw new Error("too many connections");
        }
        const served = { number: ++this.#count, work: Promise.withResolvers<string>() };
        this.open.add(served);
        this.most = Math.max(this.most, this.open.size);
        return served;
      },
      takeBack: (served) => this.open.delete(served),
      isFit: () => true,
      end: (served) => this.ending.push(served),
    });
  }

  ask(timeoutMs = 1000): Promise<string> {
    return this.connections.use(timeoutMs, ({ work }) => work.promise).catch(String);
  }

  /** Each asks, and those that have a connection are answered, until all are. */
  async serve(count: number): Promise<readonly string[]> {
    const asked = Promise.all(Array.from({ length: count }, () => this.ask()));
    for (let round = 0; round < count; round += 1) {
      await vi.advanceTimersByTimeAsync(0);
      for (const { work } of this.open) work.resolve("answer");
    }
    return asked;
  }

  /** It ends what it was asked to. */
  end(): void {
    for (const { work } of this.ending.splice(0)) work.reject(new Error("canceled"));
  }
}

const tooMany = "Error: too many connections";
const late = "NoAnswer: no answer in 1000 ms";

describe("connections", () => {
  it.each([1, 2, 10])("are never more than twice the %s that are lent, however long the server hangs", async (most) => {
    const server = new HangingServer(most);
    for (let round = 0; round < 10; round += 1) {
      const asked = Array.from({ length: 3 * most }, () => server.ask());
      await vi.advanceTimersByTimeAsync(1000);
      expect(new Set(await Promise.all(asked))).toEqual(new Set([late]));
      expect(server.connections.waiting).toBe(0);
    }
    expect(server.most).toBe(2 * most);
    expect(server.ending).toHaveLength(2 * most);
    server.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.open.size).toBe(0);
    const asked = server.ask();
    await vi.advanceTimersByTimeAsync(0);
    for (const { work } of server.open) work.resolve("answer");
    expect(await asked).toBe("answer");
  });

  it("are lent in turn to those that still wait", async () => {
    const server = new HangingServer(1);
    const [first, second, third] = [server.ask(5000), server.ask(1000), server.ask(5000)];
    await vi.advanceTimersByTimeAsync(0);
    expect(server.connections.waiting).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBe(late);
    expect(server.connections.waiting).toBe(1);
    for (const answer of ["first", "third"]) {
      for (const { work } of server.open) work.resolve(answer);
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(await Promise.all([first, third])).toEqual(["first", "third"]);
    expect(server.most).toBe(1);
  });

  it("are lent to those that wait when the server has ended what was given up", async () => {
    const server = new HangingServer(1);
    const given = [server.ask(), server.ask(2000)];
    await vi.advanceTimersByTimeAsync(2000);
    await Promise.all(given);
    const asked = server.ask();
    await vi.advanceTimersByTimeAsync(500);
    expect(server.connections.waiting).toBe(1);
    server.end();
    await vi.advanceTimersByTimeAsync(0);
    for (const { work } of server.open) work.resolve("answer");
    expect(await asked).toBe("answer");
  });

  it.each([1, 3, 9])("are waited for when the server gives no more than %s of them", async (gives) => {
    const server = new HangingServer(10);
    server.gives = gives;
    for (const refused of [10 - gives, 0, 0]) {
      server.refused = 0;
      expect(new Set(await server.serve(30))).toEqual(new Set(["answer"]));
      expect(server.refused).toBe(refused);
    }
    expect(server.most).toBe(gives);
    // Whether it gives more is tried now and then, by one.
    await vi.advanceTimersByTimeAsync(10_000);
    expect(new Set(await server.serve(30))).toEqual(new Set(["answer"]));
    expect(server.refused).toBe(1);
    server.gives = 10;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(new Set(await server.serve(30))).toEqual(new Set(["answer"]));
    expect([server.most, server.refused]).toEqual([10, 1]);
  });

  it("are not waited for where there are none", async () => {
    const server = new HangingServer(10);
    server.gives = 0;
    for (let round = 0; round < 3; round += 1) {
      server.refused = 0;
      expect(await server.serve(30)).toEqual(Array(30).fill(tooMany));
      expect(server.refused).toBeLessThanOrEqual(30);
      expect(server.connections.waiting).toBe(0);
    }
    server.gives = 10;
    expect(new Set(await server.serve(30))).toEqual(new Set(["answer"]));
    expect(server.most).toBe(10);
  });

  it("are waited for until the deadline, which says why there was no other", async () => {
    const server = new HangingServer(2);
    server.gives = 1;
    const asked = [server.ask(5000), server.ask()];
    await vi.advanceTimersByTimeAsync(1000);
    expect(await asked[1]).toBe(`${late}, and no further connection: too many connections`);
    expect(server.connections.waiting).toBe(0);
    for (const { work } of server.open) work.resolve("answer");
    expect(await asked[0]).toBe("answer");
  });

  it("that are waited for fail with the one that there was", async () => {
    const server = new HangingServer(2);
    server.gives = 1;
    const asked = [server.ask(), server.ask()];
    await vi.advanceTimersByTimeAsync(0);
    server.gives = 0;
    for (const { work } of server.open) work.reject(new Error("terminated"));
    await vi.advanceTimersByTimeAsync(0);
    expect(await Promise.all(asked)).toEqual(["Error: terminated", tooMany]);
  });

  it("to a host that has gone are forgotten after a minute", async () => {
    const server = new HangingServer(1);
    const given = [server.ask(), server.ask(2000)];
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all(given);
    expect(server.open.size).toBe(2);
    await vi.advanceTimersByTimeAsync(2000);
    expect(server.open.size).toBe(0);
  });

  it.each([
    ["at once when the server ends what it does", true, 0],
    ["after a second when it does not", false, 1000],
    ["at once when it does nothing", undefined, 0],
  ])("are closed %s", async (_, ends, afterMs) => {
    const server = new HangingServer(2);
    const asked = ends === undefined ? [] : [server.ask(), server.ask(), server.ask()];
    await vi.advanceTimersByTimeAsync(0);
    let isClosed = false;
    const closed = server.connections.close().then(() => {
      isClosed = true;
    });
    expect(new Set(await Promise.all(asked))).toEqual(new Set(asked.length > 0 ? ["Error: it is closed"] : []));
    if (ends) server.end();
    if (afterMs > 0) {
      await vi.advanceTimersByTimeAsync(afterMs - 1);
      expect(isClosed).toBe(false);
    }
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    expect(server.open.size).toBe(0);
  });

  it("are asked nothing once they are closed, so that the end waits for nobody", async () => {
    const server = new HangingServer(1);
    const first = server.ask();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await first).toBe("NoAnswer: no answer in 1000 ms");
    const closed = server.connections.close();
    expect(await server.ask()).toBe("Error: it is closed");
    await vi.advanceTimersByTimeAsync(1000);
    await closed;
    expect(server.open.size).toBe(0);
  });
});
