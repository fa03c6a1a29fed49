/** The schema for editors, asked by a validator: it takes what the loader takes, and marks plain slips. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { jsonSchema } from "../../src/config/docs/json-schema.ts";
import { parseJson } from "../../src/config/syntax/json.ts";
import { parseToml } from "../../src/config/syntax/toml.ts";
import { toData } from "../../src/config/syntax/tree.ts";

const contrib = join(import.meta.dirname, "../../contrib");
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(jsonSchema());

function complaints(document: unknown): readonly string[] {
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("the schema for editors", () => {
  it.each(globSync(["**/*.toml", "examples/*.json"], { cwd: contrib }))("takes contrib/%s", (file) => {
    const text = readFileSync(join(contrib, file), "utf8");
    const parsed = file.endsWith(".json") ? parseJson(text) : parseToml(text);
    expect(parsed.kind === "error" ? parsed.message : complaints(toData(parsed.root))).toEqual([]);
  });

  it("takes objects as their own server prints them", () => {
    const document = {
      MtaStageMail: { id: "singleton", rewrite: { match: { "0": { if: "is_tls", then: "sender" } }, else: "false" } },
      Domain: { "0": { id: "d", description: "Ours.", name: "example.org", aliases: { "example.net": true } } },
      MtaInboundThrottle: [{ description: "All.", key: { remoteIp: true }, rate: { count: 100, period: "1h" } }],
      SieveSystemScript: { id: "s", name: "keep", description: "Lets all pass.", isActive: true, contents: "keep;" },
    };
    expect(complaints(document)).toEqual([]);
  });

  it.each([
    [{ session: { ehlo: { requir: true } } }, "/session/ehlo must NOT have additional properties"],
    [{ server: { workers: -1 } }, "/server/workers must be >= 0"],
    [
      { listener: { smtp: { protocol: "polcy", bind: ["127.0.0.1:1"] } } },
      "/listener/smtp/protocol must be equal to one of the allowed values",
    ],
    [
      { session: { rcpt: { relay: [{ if: "is_tls", then: true }] } } },
      "/session/rcpt/relay must contain at least 1 and no more than 1 valid item(s)",
    ],
    [{ store: { embedded: { path: "x" } } }, "/store/embedded must NOT have additional properties"],
    [
      { MtaInboundThrottle: [{ key: ["remoteIq"], rate: "1/1h" }] },
      "/MtaInboundThrottle/0/key/0 must be equal to one of the allowed values",
    ],
  ])("marks %j", (document, complaint) => {
    expect(complaints(document)).toContain(complaint);
  });
});
