import { expect, test } from "vitest";
import { clientKey, exactAddress } from "../../../src/stage/greylist-key.ts";

const usual = { client: "domain-or-network", ipv4Prefix: 24, ipv6Prefix: 64 } as const;

test.each([
  ["203.0.113.9", "", "203.0.113.0/24"],
  ["203.0.113.9", "mx1.pool.example.net", "example.net"],
  ["203.0.113.9", "MX2.Example.CO.UK", "example.co.uk"],
  ["203.0.113.9", "example.co.uk.", "example.co.uk"],
  ["203.0.113.9", "mx.straße.de", "xn--strae-oqa.de"],
  // Neither a public suffix nor a name without one is anybody's own.
  ["203.0.113.9", "co.uk", "203.0.113.0/24"],
  ["203.0.113.9", "localhost", "203.0.113.0/24"],
  // Customers of one host are not one organisation.
  ["203.0.113.9", "one.github.io", "one.github.io"],
  ["203.0.113.9", "ec2-203-0-113-9.compute-1.amazonaws.com", "203.0.113.0/24"],
  ["2001:db8:1:2:3::9", "", "2001:db8:1:2::/64"],
])("%s %s: %s", (address, name, key) => {
  expect(clientKey(address, name, usual)).toBe(key);
});

test.each([
  [{ ...usual, client: "network" as const }, "mx.example.net", "203.0.113.0/24"],
  [{ ...usual, ipv4Prefix: 32 }, "", "203.0.113.9/32"],
  [{ ...usual, ipv4Prefix: 20 }, "", "203.0.112.0/20"],
  [{ ...usual, ipv4Prefix: 8 }, "", "203.0.0.0/8"],
])("%j %s: %s", (settings, name, key) => {
  expect(clientKey("203.0.113.9", name, settings)).toBe(key);
});

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3::9", "2001:db8:1:2::/64"],
])("passes are counted of %s: %s", (address, exact) => {
  expect(exactAddress(address)).toBe(exact);
});
