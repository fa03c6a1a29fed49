/** What a document leaves open is settled in one place, and the settings are compiled from the result alone. */
import { expect, test } from "vitest";
import { namesIn } from "../../../src/config/check/names.ts";
import { ProblemReport } from "../../../src/config/check/report.ts";
import { compileConfiguration } from "../../../src/config/configuration.ts";
import { normalise } from "../../../src/config/normalise.ts";
import { type Document, schema } from "../../../src/config/schema/schema.ts";
import type { Table } from "../../../src/config/syntax/tree.ts";

const data = {
  server: { mode: "shadow", "trusted-networks": ["10.0.0.0/8"] },
  listener: {
    policy: { protocol: "policy", bind: ["127.0.0.1:10040"], mode: "enforce" },
    milter: { protocol: "milter", bind: ["127.0.0.1:10041"], rewrite: false },
  },
  store: { embedded: { type: "sqlite", path: ":embedded:" }, other: { type: "sqlite", path: "other.sqlite", init: "init.sql" } },
  directory: { tables: { type: "file", virtual: ["virtual"], addresses: ["/etc/addresses"] } },
  "lookup-file": { helo: { path: "../helo" } },
  session: { rcpt: { greylist: { "exempt-clients": ["file:clients", "example.net"] }, "sub-addressing": [{ else: "rcpt" }] } },
  sieve: { trusted: { scripts: { a: { file: "a.sieve" }, b: { contents: "keep;" } } } },
};

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

const normalised = (document: Document) =>
  normalise(document, namesIn(data, document), "/etc/postern", { hostname: "mx.example.org", defaultStateDirectory: "/var/lib/postern" });

test("what one table takes over from another, names and paths", () => {
  expect(normalised(frozen(schema.parse(data)))).toMatchObject({
    server: { hostname: "mx.example.org", "state-directory": "/var/lib/postern" },
    listener: {
      policy: { mode: "enforce", "trusted-networks": ["10.0.0.0/8"] },
      milter: { mode: "shadow", "trusted-networks": ["10.0.0.0/8"], extensions: "observe", rewrite: false },
    },
    store: {
      embedded: { path: "/var/lib/postern/data.sqlite" },
      other: { path: "/etc/postern/other.sqlite", init: "/etc/postern/init.sql" },
    },
    directory: { tables: { virtual: ["/etc/postern/virtual"], addresses: ["/etc/addresses"] } },
    storage: { directory: "tables" },
    "lookup-file": { helo: { path: "/etc/helo" } },
    session: { rcpt: { greylist: { "exempt-clients": ["file:/etc/postern/clients", "example.net"] } } },
    sieve: { trusted: { scripts: { a: { file: "/etc/postern/a.sieve" }, b: { contents: "keep;" } } } },
  });
});

test("the built-in store is there with all its defaults, whether it is named or not", () => {
  const embedded = {
    type: "sqlite",
    path: "/var/lib/postern/data.sqlite",
    timeout: { value: 2000 },
    query: { members: expect.any(String) },
  };
  for (const store of [{}, { store: { embedded: { type: "sqlite", path: ":embedded:" } } }]) {
    expect(normalised(schema.parse(store)).store).toMatchObject({ embedded });
  }
});

test("once is enough: what is normalised stays as it is", () => {
  const once = normalised(schema.parse(data));
  expect(JSON.stringify(normalise(once, namesIn(data, once), "/elsewhere", {}))).toBe(JSON.stringify(once));
});

test("nothing is written back to it when the settings are compiled", () => {
  const document = schema.parse(data);
  const root: Table = { kind: "table", key: "", keyAt: { line: 1, column: 1 }, at: { line: 1, column: 1 }, entries: new Map() };
  const context = {
    names: namesIn(data, document),
    report: new ProblemReport("postern.toml", root),
    readFile: () => "",
    readTable: () => "",
  };
  const { settings } = compileConfiguration("postern.toml", "", frozen(normalised(document)), context);
  expect(context.report.problems.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(settings.rcpt.subAddressing).toBeTypeOf("object");
});
