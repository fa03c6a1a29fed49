/** What is made from the schema is what stands in contrib. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { jsonSchema } from "../../src/config/docs/json-schema.ts";
import { describedKeys, renderReference } from "../../src/config/docs/reference.ts";

const contrib = join(import.meta.dirname, "../../contrib");

describe("contrib", () => {
  it("reference.md", async () => {
    await expect(renderReference()).toMatchFileSnapshot(join(contrib, "reference.md"));
  });

  it("postern.schema.json", async () => {
    await expect(`${JSON.stringify(jsonSchema(), undefined, 1)}\n`).toMatchFileSnapshot(join(contrib, "postern.schema.json"));
  });

  it("every key has a meaning", () => {
    expect(describedKeys().filter(({ meaning }) => meaning === "")).toEqual([]);
  });
});
