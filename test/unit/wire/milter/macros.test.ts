import { describe, expect, test } from "vitest";
import { type MacroStage, Macros, maxMacroOctets, readMacros } from "../../../../src/wire/milter/macros.ts";
import { ProtocolError } from "../../../../src/wire/protocol-error.ts";
import { strings } from "../../../support/milter-frames.ts";

const read = (...texts: string[]) => readMacros(strings(...texts), 0);

function session(): Macros {
  const macros = new Macros();
  macros.set("connect", read("daemon_name", "smtp"));
  macros.set("helo", read("tls_version", "TLSv1.3"));
  return macros;
}

test("a macro stays until its stage comes again", () => {
  const macros = session();
  macros.set("mail", read("auth_authen", "alice"));
  expect(macros.get("daemon_name")).toBe("smtp");
  expect(macros.get("tls_version")).toBe("TLSv1.3");
  expect(macros.get("auth_authen")).toBe("alice");
  macros.set("mail", read());
  expect(macros.get("auth_authen")).toBeUndefined();
  macros.set("helo", read());
  expect(macros.get("tls_version")).toBeUndefined();
  expect(macros.get("daemon_name")).toBe("smtp");
});

test("the latest stage speaks, also with an empty value", () => {
  const macros = session();
  macros.set("mail", read("i", "1"));
  macros.set("rcpt", read("i", ""));
  expect(macros.get("i")).toBe("");
  macros.set("rcpt", read("rcpt_mailer", "error"));
  expect(macros.get("i")).toBe("1");
  macros.set("mail", read());
  expect(macros.get("rcpt_mailer")).toBeUndefined();
});

test("the end of a message drops what belongs to it, the end of a session all", () => {
  const macros = session();
  macros.set("mail", read("i", "1"));
  macros.set("endOfMessage", read("auth_authen", "alice"));
  macros.endMessage();
  macros.endMessage();
  expect([macros.get("i"), macros.get("auth_authen"), macros.get("tls_version")]).toEqual([undefined, undefined, "TLSv1.3"]);
  macros.endSession();
  expect(macros.get("daemon_name")).toBeUndefined();
});

describe("however much is sent", () => {
  const all: MacroStage[] = ["connect", "helo", "mail", "rcpt", "data", "header", "endOfHeader", "body", "endOfMessage", "unknown"];
  const long = "x".repeat(130_000);

  test.each([
    ["a long value", read("{x}", long)],
    ["a long name", read(`{${long}}`, "1")],
    ["many names", read(...Array.from({ length: 500 }, (_, index) => [`{x${index}}`, "x".repeat(200)]).flat())],
  ])("%s that nobody asked for is not kept", (_, values) => {
    const macros = new Macros();
    for (const stage of all) macros.set(stage, values);
    expect(macros.octets).toBe(0);
  });

  test.each([
    ["one stage", ["mail"], read("i", long)],
    ["one stage, in three octets a character", ["mail"], read("i", Buffer.from("中".repeat(6000)).toString("latin1"))],
    [
      "many macros",
      ["connect"],
      read("{client_name}", "x".repeat(6000), "{daemon_name}", "x".repeat(6000), "{daemon_addr}", "x".repeat(6000)),
    ],
    ["all stages", all, read("i", "x".repeat(2000))],
  ] as const)("%s with too much of what was asked for is refused", (_, stages, values) => {
    const macros = new Macros();
    expect(() => {
      for (const stage of stages) macros.set(stage, values);
    }).toThrow(ProtocolError);
  });

  test("what is replaced makes room", () => {
    const macros = new Macros();
    const most = read("i", "x".repeat(maxMacroOctets - 1));
    for (const stage of ["mail", "mail", "helo", "mail"] as const) macros.set(stage, stage === "mail" ? most : read());
    expect(macros.octets).toBe(maxMacroOctets);
    macros.endMessage();
    expect(macros.octets).toBe(0);
  });
});
