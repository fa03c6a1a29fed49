/**
 * What the Postfix of a product does with mail to an address, by the product's own queries, and what Postern says with the file of
 * contrib/sql: nobody whom the former finds is refused, unless his mail would only bounce.
 */
import type { Flags } from "./tables.ts";

/** `bounces`: taken, because the tables keep a row of what is not active, which nobody gets mail by. */
type Postfix = "takes" | "relays" | "refuses" | "bounces";

export interface Product {
  /** Of a layout. */
  readonly name: string;
  /** What is in its tables besides. */
  readonly rows: (flags: Flags) => string;
  /** Why, the address, and what Postern says: who gets the mail, or `relayed`, `unknown mailbox`, `relay not allowed`. */
  readonly cases: readonly (readonly [why: string, address: string, postfix: Postfix, postern: string])[];
}

const postfixAdmin: Product = {
  name: "PostfixAdmin",
  rows: ({ yes, no }) => `
    INSERT INTO domain (domain, transport, backupmx, active) VALUES ('smtp.example', 'smtp:[192.0.2.1]', ${no}, ${yes}),
      ('relay.example', 'relay:[192.0.2.1]:2525', ${no}, ${yes}), ('both.example', 'smtp:[192.0.2.1]', ${yes}, ${yes}),
      ('off-smtp.example', 'smtp:[192.0.2.1]', ${no}, ${no}), ('lmtp.example', 'lmtp:unix:private/lmtp', ${no}, ${yes}),
      ('virtual.example', 'virtual', ${no}, ${yes}), ('empty.example', '', ${no}, ${yes}), ('to-smtp.example', 'virtual', ${no}, ${yes}),
      ('to-local.example', 'virtual', ${no}, ${yes}), ('moved.example', 'smtp:[192.0.2.1]', ${no}, ${yes});
    INSERT INTO alias_domain VALUES ('to-smtp.example', 'smtp.example', ${yes}), ('to-local.example', 'example.org', ${yes}),
      ('moved.example', 'example.org', ${yes}), ('no-row.example', 'smtp.example', ${yes});
    INSERT INTO mailbox VALUES ('ann@lmtp.example', 'lmtp.example', ${yes}), ('ann@virtual.example', 'virtual.example', ${yes}),
      ('ann@empty.example', 'empty.example', ${yes}), ('ill@example.org', 'example.org', ${no});
    INSERT INTO alias VALUES ('info@smtp.example', 'john@example.org', 'smtp.example', ${yes}),
      ('ill@example.org', 'ill@example.org,copy@elsewhere.example', 'example.org', ${yes});`,
  cases: [
    ["a domain with a transport smtp:", "any@smtp.example", "relays", "relayed"],
    ["a domain with a transport relay:", "any@relay.example", "relays", "relayed"],
    ["a domain with one that is a backup domain, too", "any@both.example", "relays", "relayed"],
    ["a domain with one that is not active", "any@off-smtp.example", "refuses", "relay not allowed"],
    ["a mailbox of a domain with another transport", "ann@lmtp.example", "takes", "ann@lmtp.example"],
    ["nobody of a domain with another transport", "any@lmtp.example", "refuses", "unknown mailbox"],
    ["a mailbox of a domain with the transport virtual", "ann@virtual.example", "takes", "ann@virtual.example"],
    ["a mailbox of a domain with an empty transport", "ann@empty.example", "takes", "ann@empty.example"],
    ["a mailbox of a domain without a transport", "john@example.org", "takes", "john@example.org"],
    ["an alias of a domain that is relayed, through an alias domain", "info@to-smtp.example", "takes", "john@example.org"],
    ["nobody, through an alias domain of a domain that is relayed", "any@to-smtp.example", "refuses", "unknown mailbox"],
    ["an alias domain of a domain that is relayed, which is no domain", "info@no-row.example", "refuses", "relay not allowed"],
    ["an alias domain that is a domain, too", "john@to-local.example", "takes", "john@example.org"],
    ["an alias domain that is relayed itself", "any@moved.example", "relays", "relayed"],
    ["a mailbox that is not active, and has copies sent elsewhere", "ill@example.org", "takes", "copy@elsewhere.example"],
    ["a mailbox that is not active, whose alias is", "nobody@example.org", "bounces", "unknown mailbox"],
    ["an alias of a mailbox that is not active", "former@example.org", "bounces", "unknown mailbox"],
  ],
};

export const products: readonly Product[] = [postfixAdmin];
