import { describe, expect, test } from "vitest";
import { formatReply } from "../../../src/mail/reply.ts";
import { decideExpn, decideVrfy } from "../../../src/stage/vrfy.ts";
import { session } from "../../support/session.ts";
import { settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";

const entries = {
  "john@example.org": "john@example.org",
  "sales@example.org": ["john@example.org", "jane@example.org"],
  "@catch.example": "john@example.org",
  "@all.example": ["john@example.org", "jane@example.org"],
  "jane doe@example.org": "jane doe@example.org",
  "doe@lists.example": ["jane doe@example.org", 'q"uote@example.org', "webmaster"],
  "odd@lists.example": ["john@example.org", "a\r\n550 x@example.org"],
};
const directory = () => directoryOf(entries);

async function ask(decide: typeof decideVrfy, text: string, { login = "alice", down = false } = {}) {
  const core = { settings: settings(), sources: sourcesOf([Object.assign(directory(), { down })]) };
  const { verdict, addresses } = await decide(session({ login }), text, core);
  return verdict.kind === "pass" ? addresses.join(" ") : formatReply(verdict.reply);
}

describe("VRFY", () => {
  test.each([
    ["John@example.org", "John@example.org"],
    ["john+x@example.org", "john+x@example.org"],
    ["any@catch.example", "any@catch.example"],
    ["john", "john@example.org"],
    ["jane", '"jane doe"@example.org'],
    ['"Jane Doe"@example.org', '"Jane Doe"@example.org'],
    ["Jane Doe@example.org", '"Jane Doe"@example.org'],
    ["nobody", "550 5.1.2 Address not found."],
    ["any@example.org", "550 5.1.2 Address not found."],
    ["any@elsewhere.example", "550 5.1.2 Address not found."],
    ["sales@example.org", "550 5.1.2 Address not found."],
    ["sales+x@example.org", "550 5.1.2 Address not found."],
    ["any@all.example", "550 5.1.2 Address not found."],
    ["Postmaster", "Postmaster"],
    ["postmaster@example.org", "postmaster@example.org"],
    ["postmaster@mx.example.org", "postmaster@mx.example.org"],
    ["postmaster@[192.0.2.1]", "postmaster@[192.0.2.1]"],
    ["postmaster@[192.0.2.2]", "550 5.1.2 Address not found."],
    ["postmaster@elsewhere.example", "550 5.1.2 Address not found."],
  ])("%s: %s", async (text, expected) => {
    expect(await ask(decideVrfy, text)).toBe(expected);
  });

  test("off for strangers, and honest when the directory is down", async () => {
    expect(await ask(decideVrfy, "john@example.org", { login: "" })).toBe("252 2.5.1 VRFY is disabled.");
    expect(await ask(decideVrfy, "john@example.org", { down: true })).toBe("252 2.4.3 Unable to verify address at this time.");
  });
});

describe("EXPN", () => {
  test.each([
    ["Sales@example.org", "john@example.org jane@example.org"],
    ["john@example.org", "550 5.1.2 Mailing list not found."],
    ["sales", "550 5.1.2 Mailing list not found."],
    ["doe@lists.example", '"jane doe"@example.org "q\\"uote"@example.org webmaster'],
    ["odd@lists.example", "252 2.4.3 Unable to expand mailing list at this time."],
  ])("%s: %s", async (text, expected) => {
    expect(await ask(decideExpn, text)).toBe(expected);
  });

  test("off for strangers, and honest when the directory is down", async () => {
    expect(await ask(decideExpn, "sales@example.org", { login: "" })).toBe("252 2.5.1 EXPN is disabled.");
    expect(await ask(decideExpn, "sales@example.org", { down: true })).toBe("252 2.4.3 Unable to expand mailing list at this time.");
  });
});
