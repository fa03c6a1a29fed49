/** How long outcomes of SPF and of reverse names are kept, and for whom. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../../src/answer/answer.ts";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { SenderChecks } from "../../../src/dns/sender-checks.ts";
import type { SpfIdentity } from "../../../src/stage/sources.ts";

interface Entry {
  readonly records: readonly string[] | "fail" | undefined;
  /** From when it is asked. */
  readonly keptMs?: number;
}

/** By type and name; nothing else exists. Each answer is kept for a minute, unless it says something else. */
let zone: Record<string, Entry>;
let asked: string[];
let time: number;
let freshUntil: Map<string, number>;

const dns = {
  async query(name: string, type: string): Promise<readonly string[] | undefined> {
    const question = `${type} ${name}`;
    asked.push(question);
    const { records, keptMs = 60_000 } = zone[question] ?? { records: undefined };
    if (records === "fail") throw new TemporaryError(`no answer for ${name}`);
    freshUntil.set(question, time + keptMs);
    return records;
  },
  freshUntil: (name: string, type: string) => freshUntil.get(`${type} ${name}`) ?? Number.NEGATIVE_INFINITY,
};

let checks: SenderChecks;
beforeEach(() => {
  zone = {
    "txt example.org": { records: ["v=spf1 include:spf.example.org -all"] },
    "txt spf.example.org": { records: ["v=spf1 a:mx.example.org -all"] },
    "ipv4 mx.example.org": { records: ["192.0.2.1"], keptMs: 20_000 },
    "ptr 192.0.2.1": { records: ["mx.example.org"] },
    "txt personal.example": { records: ["v=spf1 exists:%{L}.personal.example -all"] },
    "ipv4 john.personal.example": { records: ["127.0.0.2"] },
    "txt by-name.example": { records: ["v=spf1 exists:%{h2r}.by-name.example -all"] },
    "ipv4 example.mx.by-name.example": { records: ["127.0.0.2"] },
    "txt away.example": { records: ["v=spf1 a:away.example -all"] },
    "ipv4 away.example": { records: "fail" },
    "txt ptr.example": { records: ["v=spf1 ptr -all"] },
    "ptr 192.0.2.9": { records: "fail" },
  };
  asked = [];
  time = 1000;
  freshUntil = new Map();
  checks = new SenderChecks(dns, () => time, 100);
});

const john = { client: "192.0.2.1", helo: "mx.example", sender: "john@example.org" };
const spf = async (identity: Partial<SpfIdentity> = {}) => (await checks.spf({ ...john, ...identity })).result;

describe("SPF", () => {
  it("is at hand for other senders of the domain and for its EHLO name, and not for another client", async () => {
    expect(await spf()).toBe("pass");
    const questions = asked.length;
    expect(checks.spf({ ...john, helo: "other.example", sender: "jane@example.org" })).toMatchObject({ result: "pass" });
    expect(checks.spf({ ...john, helo: "example.org", sender: "" })).toMatchObject({ result: "pass" });
    expect(asked).toHaveLength(questions);
    expect(await spf({ client: "192.0.2.2" })).toBe("fail");
    expect(await spf({ sender: "john@example.net" })).toBe("none");
    expect(await spf()).toBe("pass");
  });

  it("is kept as long as the answer that goes first", async () => {
    await spf();
    zone["ipv4 mx.example.org"] = { records: ["192.0.2.77"] };
    time += 19_999;
    expect(await spf()).toBe("pass");
    time += 1;
    expect(await spf()).toBe("fail");
  });

  it.each([
    ["the local part", { sender: "john@personal.example" }, { sender: "jane@personal.example" }],
    ["the EHLO name", { sender: "john@by-name.example", helo: "mx.example" }, { sender: "john@by-name.example", helo: "other.example" }],
  ])("is not kept where a record asks by %s", async (_, one, other) => {
    expect(await spf(one)).toBe("pass");
    expect(await spf(other)).toBe("fail");
    expect(await spf(one)).toBe("pass");
  });

  it("is not kept when nobody can tell, nor where that did not matter this time", async () => {
    expect(await spf({ sender: "john@away.example" })).toBe("temperror");
    zone["ipv4 away.example"] = { records: ["192.0.2.1"] };
    expect(await spf({ sender: "john@away.example" })).toBe("pass");

    const nameless = { client: "192.0.2.9", sender: "john@ptr.example" };
    expect(await spf(nameless)).toBe("fail");
    zone["ptr 192.0.2.9"] = { records: ["mx.ptr.example"] };
    zone["ipv4 mx.ptr.example"] = { records: ["192.0.2.9"] };
    expect(await spf(nameless)).toBe("pass");
  });

  it("tells a listener every answer, also of what is known", async () => {
    await spf();
    const heard: string[] = [];
    await checks.spf(john, (question) => heard.push(question));
    expect(heard).toEqual(["TXT example.org", "TXT spf.example.org", "A mx.example.org"]);
  });
});

describe("the reverse name", () => {
  const iprev = (client: string): Answer<object> => checks.iprev(client);

  it("is at hand for as long as its address", async () => {
    expect(await iprev("192.0.2.1")).toEqual({ result: "pass", ptr: "mx.example.org" });
    time += 19_999;
    expect(iprev("192.0.2.1")).toEqual({ result: "pass", ptr: "mx.example.org" });
    time += 1;
    expect(iprev("192.0.2.1")).toBeInstanceOf(Promise);
    expect(asked.filter((question) => question === "ptr 192.0.2.1")).toHaveLength(2);
  });

  it("is not kept when nobody can tell", async () => {
    await expect(iprev("192.0.2.9")).rejects.toThrow(TemporaryError);
    zone["ptr 192.0.2.9"] = { records: undefined };
    expect(await iprev("192.0.2.9")).toEqual({ result: "permerror", ptr: "" });
  });
});

it("keeps nothing where no entries are allowed", async () => {
  checks = new SenderChecks(dns, () => time, 0);
  await spf();
  await spf();
  expect(asked.filter((question) => question === "txt example.org")).toHaveLength(2);
});
