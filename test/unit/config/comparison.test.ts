import fc from "fast-check";
import { expect, test } from "vitest";
import { mistakenComparison } from "../../../src/config/compile/comparison.ts";
import { canonicalDomain } from "../../../src/mail/domain.ts";
import { canonicalIp } from "../../../src/mail/ip.ts";

const plain = fc.string({ unit: "binary" }).filter((text) => !/[*@]/.test(text));

test("what a client can be is compared without a warning", () => {
  fc.assert(
    fc.property(plain, fc.oneof(fc.ipV4(), fc.ipV6()), (text, ip) => {
      const domain = canonicalDomain(text);
      const compared = (name: string, value: string) => mistakenComparison(name, value, new Set());
      for (const name of ["helo_domain", "rcpt_domain", "authenticated_as"]) expect(compared(name, domain)).toBeUndefined();
      expect(compared("sender", `john@${domain}`)).toBeUndefined();
      expect(compared("remote_ip", canonicalIp(ip) ?? "")).toBeUndefined();
    }),
  );
});
