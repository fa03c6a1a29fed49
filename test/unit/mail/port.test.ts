import { expect, test } from "vitest";
import { portOf } from "../../../src/mail/port.ts";

test.each([
  ["25", 25],
  ["65535", 65_535],
  ["00025", 25],
  ["0", 0],
  ["65536", 0],
  ["000025", 0],
  ["-1", 0],
  ["25 ", 0],
  ["smtp", 0],
  ["", 0],
  [undefined, 0],
])("%s is port %i", (text, port) => {
  expect(portOf(text)).toBe(port);
});
