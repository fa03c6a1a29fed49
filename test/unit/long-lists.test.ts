/** Lists that strangers or administrators make are never spread into the arguments of a call, which holds some 120,000 of them. */
import { expect, test } from "vitest";
import { openMemoryDirectory } from "../../src/directory/memory.ts";
import { countPlaceholders } from "../../src/expr/sql-text.ts";
import { follow } from "../../src/stage/alias-chain.ts";
import { world } from "../support/mail-domain.ts";
import { connected, envelope, helo, milterWorld } from "../support/milter-mta.ts";
import { rule } from "../support/settings.ts";
import { directoryOf } from "../support/sources.ts";

const many = 150_000;
const addresses = Array.from({ length: many }, (_, index) => `m${index}@example.org`);

test("a message to lists of so many members is delivered to each", async () => {
  const place = world({
    changes: { ehlo: { require: rule("false"), rejectNonFqdn: rule("false") }, rcpt: { maxRecipients: rule("100") } },
  });
  const lists = Object.fromEntries(
    Array.from({ length: 15 }, (_, list) => [`l${list}@example.org`, addresses.slice(list * 10_000, (list + 1) * 10_000)]),
  );
  place.core = { ...place.core, sources: { ...place.core.sources, directory: () => directoryOf(lists) } };
  const mta = await connected(milterWorld(place).options);
  await mta.send("H", helo("mx.client.example"));
  await mta.send("M", envelope("<a@client.example>"));
  for (const list of Object.keys(lists)) expect(await mta.send("R", envelope(`<${list}>`))).toBe("continue");
  const changes = (await mta.send("E"))?.split(" | ") ?? [];
  expect(place.notices).toEqual([]);
  expect(changes.filter((change) => change.startsWith("+"))).toHaveLength(many);
});

test("an alias of so many targets, one of which leads to all others", () => {
  const targets = (address: string) => (address === "all" ? ["one"] : address === "one" ? Array.from({ length: many }, () => "end") : []);
  expect(follow("all", targets)).toEqual({ addresses: ["end"], loops: [] });
});

test("a list of lists in memory", async () => {
  const members = addresses.map(
    (email) => ({ name: email, class: "individual", email: [email], emailList: [], memberOf: ["inner"] }) as const,
  );
  const list = (name: string, emailList: readonly string[]) =>
    ({ name, class: "list", email: [`${name}@example.org`], emailList, memberOf: [] }) as const;
  const directory = openMemoryDirectory("", [list("all", []), list("inner", ["all@example.org"]), ...members], []);
  expect(await directory.recipient("all@example.org")).toEqual({ kind: "list", members: addresses });
});

test("the parameters of a statement", () => {
  expect(countPlaceholders(`SELECT ${addresses.map((_, index) => `$${index + 1}`).join()}`)).toBe(many);
  expect(countPlaceholders(`SELECT ${addresses.map(() => "$1").join()}`)).toBe(1);
});
