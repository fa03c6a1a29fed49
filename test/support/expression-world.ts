/** What tests evaluate expressions with: variables from a record, and sources in memory that record the questions. */
import { TemporaryError } from "../../src/answer/temporary-error.ts";
import type { Ask, Names } from "../../src/expr/ask.ts";
import { compileExpression } from "../../src/expr/compile.ts";
import type { Vocabulary } from "../../src/expr/expression.ts";
import type { Value } from "../../src/expr/value.ts";

export type Subject = Readonly<Record<string, Value>>;

export const subject: Subject = {
  local_port: 25,
  remote_ip: "192.0.2.1",
  is_tls: 0,
  authenticated_as: "",
  sender: "jane@sender.example",
  sender_domain: "sender.example",
  rcpt: "john.doe@example.org",
  rcpt_domain: "example.org",
  recipients: ["a@example.org", "b@example.org"],
};

const names: Names = {
  directories: new Map([
    ["local", { waits: false }],
    ["accounts", { waits: true }],
  ]),
  lookups: new Map([
    ["blocked-domain", { waits: false }],
    ["customers", { waits: true }],
  ]),
  stores: new Set(["embedded", "pg"]),
  dnsLists: new Map([
    ["zen", "client"],
    ["abuse", "client"],
    ["dbl", "ehlo"],
    ["names", "client-name"],
  ]),
};

export const vocabulary: Vocabulary<Subject> = {
  variables: new Map(Object.keys(subject).map((name) => [name, (of: Subject) => of[name] ?? ""])),
  elsewhere: new Set(["helo_domain", "priority"]),
  listed: new Map([
    ["client", (of: Subject) => String(of.remote_ip)],
    ["client-name", () => ""],
  ]),
  constants: new Set(["mixer", "nsep"]),
  names,
};

const dns: Readonly<Record<string, readonly string[]>> = {
  "mx example.org": ["mx1.example.org", "mx2.example.org"],
  "txt example.org": ["v=spf1 -all"],
  "txt two.example": ["a", "b"],
};

/** `asked` has every question in order. With `late`, every source that may wait does. */
export function world(late = false): Ask & { readonly asked: string[] } {
  const asked: string[] = [];
  const counters = new Map<string, number>();
  const keys = new Map<string, Value>([
    [":color", "blue"],
    ["blocked-domain:spam.example", 1],
    ["customers:example.org", "gold"],
  ]);
  const answer = <T>(waits: boolean, question: string, value: () => T): T | Promise<T> => {
    asked.push(question);
    return late && waits ? Promise.resolve().then(value) : value();
  };
  const directoryWaits = (directory: string | undefined) => names.directories.get(directory ?? "")?.waits ?? true;
  const store = (name: string) => (name === "*" ? "" : name);
  return {
    asked,
    isLocalDomain: (directory, domain) =>
      answer(directoryWaits(directory), `domain ${directory ?? "any"} ${domain}`, () => domain === "example.org"),
    isLocalAddress: (directory, address) =>
      answer(directoryWaits(directory), `address ${directory ?? "any"} ${address}`, () => address === "john.doe@example.org"),
    keyGet: (name, key) => answer(name !== "blocked-domain", `get ${name} ${key}`, () => keys.get(`${store(name)}:${key}`)),
    keySet: (name, key, value, seconds) =>
      answer(
        true,
        `set ${name} ${key} ${value}${seconds === undefined ? "" : ` for ${seconds}`}`,
        () => void keys.set(`${store(name)}:${key}`, value),
      ),
    counterGet: (name, key) => answer(true, `count ${name} ${key}`, () => counters.get(key) ?? 0),
    counterIncr: (name, key, by) =>
      answer(true, `increment ${name} ${key} ${by}`, () => {
        counters.set(key, (counters.get(key) ?? 0) + by);
        return counters.get(key) ?? 0;
      }),
    sqlQuery: (name, sql, parameters) =>
      answer(true, `sql ${name} ${parameters.map(String).join(",")}`, () => {
        if (!/^select/i.test(sql)) return { kind: "changes", changes: 3 } as const;
        return { kind: "rows", rows: JSON.parse(sql.slice("select ".length).replace(/ WHERE.*/, "")) } as const;
      }),
    dnsQuery: (name, type) => answer(true, `dns ${type} ${name}`, () => dns[`${type} ${name}`]),
    dnsList: ({ list, about }, others) => {
      const ahead = others()
        .map((other) => ` and ${other.list} ${other.about}`)
        .join("");
      return answer(true, `list ${list} ${about}${ahead}`, () => {
        if (about === "192.0.2.99") throw new TemporaryError("cannot tell");
        return list === "zen" ? ["127.0.0.2", "127.0.0.4"] : [];
      });
    },
  };
}

/** The value of an expression that does not wait. */
export function evaluated(source: string, of: Subject = subject): Value {
  const expression = compileExpression(source, vocabulary);
  const value = expression.evaluate(of, world());
  if (expression.waits || value instanceof Promise) throw new Error("it waits");
  return value;
}
