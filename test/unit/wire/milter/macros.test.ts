import { expect, test } from "vitest";
import { Macros } from "../../../../src/wire/milter/macros.ts";

function session(): Macros {
  const macros = new Macros();
  macros.set("connect", new Map([["daemon_name", "smtp"]]));
  macros.set("helo", new Map([["tls_version", "TLSv1.3"]]));
  return macros;
}

test("a macro stays until its stage comes again", () => {
  const macros = session();
  macros.set("mail", new Map([["auth_authen", "alice"]]));
  expect(macros.get("daemon_name")).toBe("smtp");
  expect(macros.get("tls_version")).toBe("TLSv1.3");
  expect(macros.get("auth_authen")).toBe("alice");
  macros.set("mail", new Map());
  expect(macros.get("auth_authen")).toBeUndefined();
  macros.set("helo", new Map());
  expect(macros.get("tls_version")).toBeUndefined();
  expect(macros.get("daemon_name")).toBe("smtp");
});

test("the latest stage speaks, also with an empty value", () => {
  const macros = session();
  macros.set("mail", new Map([["i", "1"]]));
  macros.set("rcpt", new Map([["i", ""]]));
  expect(macros.get("i")).toBe("");
  macros.set("rcpt", new Map([["rcpt_mailer", "error"]]));
  expect(macros.get("i")).toBe("1");
  macros.set("mail", new Map());
  expect(macros.get("rcpt_mailer")).toBeUndefined();
});

test("the end of a message drops what belongs to it, the end of a session all", () => {
  const macros = session();
  macros.set("mail", new Map([["i", "1"]]));
  macros.set("endOfMessage", new Map([["msg_id", "x"]]));
  macros.endMessage();
  macros.endMessage();
  expect([macros.get("i"), macros.get("msg_id"), macros.get("tls_version")]).toEqual([undefined, undefined, "TLSv1.3"]);
  macros.endSession();
  expect(macros.get("daemon_name")).toBeUndefined();
});
