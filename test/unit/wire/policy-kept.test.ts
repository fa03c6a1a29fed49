/** What is kept of a request keeps little else of it alive. */
import { expect, test } from "vitest";
import { PolicyDecoder } from "../../../src/wire/policy.ts";
import { octetsInUse } from "../../support/kept.ts";

const filler = `queue_id=${"x".repeat(60_000)}\n`;

test.each([
  ["sender", (index: number) => `sender=sender-${index}@example.org\n`],
  ["sender", (index: number) => `client_name=\nhelo_name=\nsender=sender-${index}@example.org\nrecipient=\n`],
  ["sender", (index: number) => `client_name=client-${index}.example.org\nsender=sender-${index}@example.org\n`],
  ["heloName", (index: number) => `client_name=client-${index}.example.org\nhelo_name=${"h".repeat(100)}\nsender=${"s".repeat(60_000)}\n`],
  ["serverAddress", (index: number) => `server_address=2001:db8:abcd:abcd::${index}\nsender=sender-${index}@example.org\n`],
] as const)("%s does not keep the other lines", (name, lines) => {
  const decoder = new PolicyDecoder();
  const values = new Set<unknown>();
  const read = (index: number) => {
    decoder.push(Buffer.from(`request=smtpd_access_policy\n${lines(index)}${lines(index).length > 50_000 ? "" : filler}\n`));
    values.add(decoder.next()?.[name]);
  };
  // Until what the decoder and V8 need themselves is there.
  for (let index = 0; index < 200; index += 1) read(index);
  const before = octetsInUse();
  for (let index = 200; index < 600; index += 1) read(index);
  expect((octetsInUse() - before) / 400).toBeLessThan(20_000);
});
