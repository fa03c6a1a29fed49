/** What expressions are answered about domains and addresses, by no directory, the default one and one that is named. */
import { afterEach, describe, expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type OpenCore, openCore } from "../../../src/daemon/open-core.ts";
import { MemoryState } from "../../../src/state/memory.ts";

const text = `
[server]
hostname = "mx.example.org"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[storage]
directory = "main"
[directory.main]
type = "memory"
principals = [{ name = "jane", class = "individual", email = ["jane@a.example"] }]
[directory.other]
type = "memory"
principals = [{ name = "john", class = "individual", email = ["john@b.example"] }]
[[domain]]
name = "a.example"
aliases = ["alias-a.example"]
[[domain]]
name = "b.example"
aliases = ["alias-b.example"]
directory = "other"
`;

let opened: OpenCore | undefined;
afterEach(() => opened?.close());

function ask() {
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  const leaseState = () => ({ state: new MemoryState(), release: async () => {} });
  opened = openCore(configuration, { now: () => 0, clock: () => 0, onAvailability: () => {}, leaseState });
  return opened.core.sources.ask;
}

describe("is_local_domain", () => {
  test.each([
    ["a.example", [true, true, true, true, false]],
    ["alias-a.example", [true, true, true, true, false]],
    ["b.example", [true, true, true, true, true]],
    ["alias-b.example", [true, true, true, true, true]],
    ["elsewhere.example", [false, false, false, false, false]],
  ])("%s by no name, '', '*', the name of the default directory and another: %j", (domain, expected) => {
    const asked = ask();
    expect([undefined, "", "*", "main", "other"].map((name) => asked.isLocalDomain(name, domain))).toEqual(expected);
  });

  test("a name that no directory has", () => {
    expect(ask().isLocalDomain("none", "a.example")).toBe(false);
  });
});

describe("is_local_address", () => {
  test.each([
    ["jane@alias-a.example", [true, true, true, true, false]],
    ["john@alias-b.example", [true, false, false, false, true]],
  ])("%s by no name, '', '*', the name of the default directory and another: %j", (address, expected) => {
    const asked = ask();
    expect([undefined, "", "*", "main", "other"].map((name) => asked.isLocalAddress(name, address))).toEqual(expected);
  });
});
