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
    ["a sub-domain of a domain that is relayed", "any@sub.relay.example", "relays", "relayed"],
    ["a domain that ends like one that is relayed", "any@notrelay.example", "refuses", "relay not allowed"],
    ["a sub-domain of one that is not", "any@sub.example.org", "refuses", "relay not allowed"],
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

const mailcow: Product = {
  name: "mailcow",
  rows: () => `
    INSERT INTO alias_domain VALUES ('also.example', 'backup.example', 1), ('off-also.example', 'backup.example', 0);
    INSERT INTO mailbox (username, domain, active, kind) VALUES ('here@backup.example', 'backup.example', 1, ''),
      ('room@example.org', 'example.org', 0, 'location'), ('ill@example.org', 'example.org', 0, '');
    INSERT INTO alias VALUES ('@also.example', 'jane@example.org', 'also.example', 1), ('ill@example.org', 'ill@example.org,copy@elsewhere.example', 'example.org', 1),
      ('rooms@example.org', 'room@example.org', 'example.org', 1), ('off-alias@example.org', 'john@example.org', 'example.org', 0);
    INSERT INTO domain (domain, backupmx, active) VALUES ('old.example', 0, 1), ('all.example', 0, 1);
    INSERT INTO recipient_maps VALUES ('gone@example.org', 'john@example.org', 1), ('left@example.org', 'left@elsewhere.example', 1),
      ('off@example.org', 'john@example.org', 0), ('jane@example.org', 'john@example.org', 1), ('staff@example.org', 'kept@example.org', 1),
      ('bad@example.org', 'nobody@example.org', 1), ('@old.example', '@example.org', 1), ('@all.example', 'john@example.org', 1),
      ('x@foreign.example', 'john@example.org', 1);`,
  cases: [
    ["a recipient map", "gone@example.org", "takes", "john@example.org"],
    ["a recipient map to elsewhere", "left@example.org", "takes", "left@elsewhere.example"],
    ["a recipient map that is not active", "off@example.org", "refuses", "unknown mailbox"],
    ["a recipient map of a mailbox", "jane@example.org", "takes", "john@example.org"],
    ["a recipient map of an alias with several targets", "staff@example.org", "takes", "kept@example.org"],
    ["a recipient map to a mailbox that is not active", "bad@example.org", "bounces", "unknown mailbox"],
    ["a recipient map of a domain to a domain", "john@old.example", "takes", "john@example.org"],
    ["a recipient map of a domain to an address", "any@all.example", "takes", "john@example.org"],
    ["a recipient map of an address elsewhere", "x@foreign.example", "refuses", "relay not allowed"],
    ["a backup domain", "any@backup.example", "relays", "relayed"],
    ["a sub-domain of a backup domain", "any@sub.backup.example", "refuses", "relay not allowed"],
    ["a mailbox through an alias domain of a backup domain", "here@also.example", "takes", "here@backup.example"],
    ["the catch-all of an alias domain of a backup domain", "any@also.example", "takes", "jane@example.org"],
    ["an alias domain of a backup domain that is not active", "here@off-also.example", "refuses", "relay not allowed"],
    ["a resource that is not active", "room@example.org", "takes", "room@example.org"],
    ["an alias of a resource that is not active", "rooms@example.org", "takes", "room@example.org"],
    ["a mailbox that is not active, and has copies sent elsewhere", "ill@example.org", "takes", "copy@elsewhere.example"],
    ["an alias that is not active", "off-alias@example.org", "refuses", "unknown mailbox"],
    ["a mailbox that is not active, whose alias is", "nobody@example.org", "bounces", "unknown mailbox"],
  ],
};

const ispConfig: Product = {
  name: "ISPConfig",
  rows: () => `
    INSERT INTO mail_transport VALUES ('routed.example', 'smtp:[192.0.2.1]', 'y'), ('backup.example', 'smtp:[192.0.2.1]', 'y'),
      ('example.org', 'lmtp:unix:private/lmtp', 'y');
    INSERT INTO mail_relay_domain (domain) VALUES ('plain.example');
    INSERT INTO mail_user (email, cc, postfix, disabledeliver, forward_in_lda, disablesmtp) VALUES
      ('copied@example.org', 'copy@elsewhere.example', 'n', 'n', 'n', 'n'), ('undelivered@example.org', 'copy@elsewhere.example', 'n', 'y', 'y', 'n'),
      ('by-lda@example.org', 'copy@elsewhere.example', 'n', 'n', 'y', 'n'), ('no-smtp@example.org', 'copy@elsewhere.example', 'n', 'n', 'n', 'y'),
      ('empty@example.org', '', 'n', 'n', 'n', 'n'), ('null@example.org', NULL, 'n', 'n', 'n', 'n'), ('plain@example.org', NULL, 'y', 'n', 'n', 'y'),
      ('moved-copy@example.com', 'copy@elsewhere.example', 'n', 'n', 'n', 'n'), ('forwarded@example.org', NULL, 'n', 'n', 'n', 'n');
    INSERT INTO mail_forwarding VALUES ('to-copied@example.org', 'copied@example.org', 'alias', 'y'), ('to-null@example.org', 'null@example.org', 'alias', 'y'),
      ('forwarded@example.org', 'john@example.org', 'forward', 'y');`,
  cases: [
    ["a relay domain", "any@plain.example", "relays", "relayed"],
    ["a sub-domain of a relay domain", "any@a.sub.plain.example", "relays", "relayed"],
    ["a relay domain with a route", "any@backup.example", "relays", "relayed"],
    ["a domain with nothing but a route", "any@routed.example", "refuses", "relay not allowed"],
    ["a relay domain that is not active", "any@off.example", "refuses", "relay not allowed"],
    ["nobody of a domain with a route that is local", "any@example.org", "refuses", "unknown mailbox"],
    ["a mailbox without copies", "plain@example.org", "takes", "plain@example.org"],
    ["a mailbox that takes no mail, with a copy", "copied@example.org", "takes", "copied@example.org"],
    ["one that does not deliver either", "undelivered@example.org", "takes", "undelivered@example.org"],
    ["one whose copies are sent on delivery", "by-lda@example.org", "refuses", "unknown mailbox"],
    ["one that may not send", "no-smtp@example.org", "refuses", "unknown mailbox"],
    ["one without a copy", "empty@example.org", "refuses", "unknown mailbox"],
    ["one whose copy is NULL", "null@example.org", "refuses", "unknown mailbox"],
    ["one with a copy in a domain that is not active", "moved-copy@example.com", "refuses", "relay not allowed"],
    ["an alias of one with a copy", "to-copied@example.org", "takes", "copied@example.org"],
    ["one with a copy through an alias domain", "copied@alias.example", "takes", "copied@example.org"],
    ["a forward of the address of one", "forwarded@example.org", "takes", "john@example.org"],
    ["an alias of one without a copy", "to-null@example.org", "bounces", "unknown mailbox"],
    ["nobody through an alias domain", "any@alias.example", "bounces", "unknown mailbox"],
  ],
};

const modoboa: Product = {
  name: "Modoboa",
  rows: ({ yes, no }) => `
    INSERT INTO admin_domain VALUES (5, 'off-backup.example', ${no}, 'relaydomain');
    INSERT INTO admin_domainalias VALUES ('also.example', 4, ${yes}), ('off-also.example', 4, ${no}), ('also-off.example', 5, ${yes});
    INSERT INTO core_user VALUES (6, 'bare@example.org', ${yes}), (7, 'ill@example.org', ${no}), (8, 'bare-off@example.org', ${no});
    INSERT INTO admin_mailbox VALUES (6, 'bare', 1, 6, ${no}), (7, 'ill', 1, 7, ${no}), (8, 'bare-off', 1, 8, ${no});
    INSERT INTO admin_alias (id, address, internal, enabled) VALUES (31, '@also.example', ${yes}, ${yes}), (32, '@off-also.example', ${yes}, ${yes}),
      (33, 'ill@example.org', ${yes}, ${yes}), (34, 'info@backup.example', ${no}, ${yes}), (35, '@also-off.example', ${yes}, ${yes});
    INSERT INTO modoboa_admin_aliasrecipient VALUES ('@backup.example', 31, NULL), ('@backup.example', 32, NULL), ('ill@example.org', 33, 7),
      ('copy@elsewhere.example', 33, NULL), ('john@example.org', 34, 1), ('@off-backup.example', 35, NULL);`,
  cases: [
    ["a relay domain", "any@backup.example", "relays", "relayed"],
    ["a sub-domain of a relay domain", "any@sub.backup.example", "relays", "relayed"],
    ["a sub-domain of an alias domain of a relay domain", "any@sub.also.example", "relays", "relayed"],
    ["an alias of a relay domain", "info@backup.example", "relays", "relayed"],
    ["an alias domain of a relay domain", "any@also.example", "relays", "relayed"],
    ["one that is not enabled", "any@off-also.example", "refuses", "relay not allowed"],
    ["one of a relay domain that is not enabled", "any@also-off.example", "refuses", "relay not allowed"],
    ["a mailbox through an alias domain", "john@alias.example", "takes", "john@example.org"],
    ["a mailbox without its internal alias", "bare@example.org", "takes", "bare@example.org"],
    ["a mailbox without its internal alias, and a blank after its name", "bare @example.org", "refuses", "unknown mailbox"],
    ["a mailbox without its internal alias, through an alias domain", "bare@alias.example", "takes", "bare@example.org"],
    ["one whose user is not active", "bare-off@example.org", "refuses", "unknown mailbox"],
    ["a mailbox whose user is not active, and whose mail is forwarded", "ill@example.org", "takes", "ill@example.org"],
    ["a mailbox whose user is not active", "nobody@example.org", "bounces", "unknown mailbox"],
    ["a mailbox that only sends", "closed@example.org", "bounces", "unknown mailbox"],
  ],
};

const iRedMail: Product = {
  name: "iRedMail",
  rows: () => `
    INSERT INTO domain (domain, transport, backupmx, active) VALUES ('lmtp.example', 'lmtp:[192.0.2.1]:24', 0, 1);
    INSERT INTO alias_domain VALUES ('also.example', 'backup.example', 1), ('to-net.example', 'example.net', 1);
    INSERT INTO mailbox VALUES ('bare@example.org', 'example.org', 1, 1), ('bare-off@example.org', 'example.org', 0, 1),
      ('bare-silent@example.org', 'example.org', 1, 0), ('bare@example.com', 'example.com', 1, 1), ('ann@lmtp.example', 'lmtp.example', 1, 1),
      ('ill@example.org', 'example.org', 0, 1), ('mute@example.org', 'example.org', 1, 0);
    INSERT INTO forwardings (address, forwarding, domain, is_forwarding) VALUES ('ill@example.org', 'ill@example.org', 'example.org', 1),
      ('ill@example.org', 'copy@elsewhere.example', 'example.org', 1), ('mute@example.org', 'copy@elsewhere.example', 'example.org', 1);
    INSERT INTO forwardings (address, forwarding, domain, is_alias) VALUES ('b@example.org', 'bare@example.org', 'example.org', 1);
    INSERT INTO forwardings (address, forwarding, domain) VALUES ('news@example.org', 'news@example.org', 'example.org');`,
  cases: [
    ["a mailbox with a row in forwardings", "john@example.org", "takes", "john@example.org"],
    ["a mailbox without one", "bare@example.org", "takes", "bare@example.org"],
    ["one that is not active", "bare-off@example.org", "refuses", "unknown mailbox"],
    ["one that takes no mail", "bare-silent@example.org", "refuses", "unknown mailbox"],
    ["one of a domain that is not active", "bare@example.com", "refuses", "relay not allowed"],
    ["one of a domain with a transport", "ann@lmtp.example", "takes", "ann@lmtp.example"],
    ["one through an alias domain", "bare@alias.example", "refuses", "unknown mailbox"],
    ["an alias of one", "b@example.org", "takes", "bare@example.org"],
    ["an alias of one through an alias domain", "b@alias.example", "takes", "bare@example.org"],
    ["a mailing list of mlmmj", "news@example.org", "takes", "news@example.org"],
    ["a mailbox that is not active, and has copies sent elsewhere", "ill@example.org", "takes", "ill@example.org"],
    ["a mailbox that takes no mail, and has copies sent elsewhere", "mute@example.org", "takes", "mute@example.org"],
    ["a catch-all through an alias domain", "any@to-net.example", "takes", "john@example.org"],
    ["a backup domain", "any@backup.example", "relays", "relayed"],
    ["a sub-domain of a backup domain", "any@sub.backup.example", "relays", "relayed"],
    ["an alias domain of a backup domain", "any@also.example", "refuses", "relay not allowed"],
    ["a mailbox that is not active, whose row is", "nobody@example.org", "bounces", "unknown mailbox"],
    ["an alias of a mailbox that is not active", "former@example.org", "bounces", "unknown mailbox"],
  ],
};

export const products: readonly Product[] = [postfixAdmin, mailcow, ispConfig, modoboa, iRedMail];
