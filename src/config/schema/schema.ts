/** Every key of the configuration with its meaning, default and unit. The reference and the JSON Schema are made from it. */
import { z } from "zod";
import { isNetwork } from "../../mail/ip.ts";
import { authTable } from "./auth.ts";
import { callAheadKeys } from "./call-ahead.ts";
import { directoryCache } from "./directory-cache.ts";
import { dnsListTable, dnsTable } from "./dns.ts";
import { ldapDirectory } from "./ldap-directory.ts";
import { sessionTable } from "./session.ts";
import { sieveTable } from "./sieve.ts";
import { storeTable } from "./stores.ts";
import {
  domainName,
  domainNames,
  hostName,
  mode,
  optionalAddressSwitch,
  optionalDuration,
  parseListenAddress,
  path,
  word,
  written,
} from "./values.ts";

const network = z.string().superRefine((text, context) => {
  if (isNetwork(text)) return;
  context.addIssue(`"${text}" is not an address or a network. Write it as "192.0.2.0/24" or "2001:db8::/32".`);
});

const server = z.strictObject({
  hostname: hostName.optional().meta({
    description:
      "The whole name of this machine, such as `mx.example.org`: in headers and for scripts. Mail for its postmaster is accepted.",
    unset: "the machine's name",
  }),
  workers: z
    .int()
    .min(0)
    .max(256)
    .default(1)
    .meta({
      description:
        "Processes that share the listeners, each with its own caches and connections to stores; 0 is one per core. " +
        "One SMTP session is decided by one process, whichever has the connection that asks. Takes effect at start.",
    }),
  mode: mode.default("enforce").meta({
    description: "`shadow` decides, logs and counts, but passes everything: no refusal, delay or disconnect.",
  }),
  "state-directory": path.optional().meta({
    description: "Where the daemon keeps its own files. A relative path is relative to the working directory.",
    unset: "$STATE_DIRECTORY, else /var/lib/postern where that exists, else ./var",
  }),
  "trusted-networks": z.array(network).default(["127.0.0.0/8", "::1"]).meta({
    description: "Addresses and networks of clients that get no EHLO refusal, relay refusal, greylisting, throttle, wait or error limit.",
  }),
});

const log = z.strictObject({
  level: z
    .enum(["error", "warn", "info", "debug"])
    .default("info")
    .meta({ description: "The least severe lines that are written. Decisions are `info`." }),
  format: z.enum(["json", "text"]).optional().meta({
    description: "`json`, one object a line, or `text`, a summary and `key=value`; without a time in the journal, which adds its own.",
    unset: '`"json"`, on a terminal `"text"`',
  }),
  decisions: z
    .enum(["all", "recipients", "refused", "none"])
    .default("all")
    .meta({
      description:
        "Of which decisions a line is written: `all`; `recipients`, which are those about recipients and all that were refused, or would be " +
        "in shadow mode; `refused`, these alone; or `none`. A line once an hour says how many there were of each kind.",
    }),
});

const decisions = z.strictObject({
  keep: optionalDuration(
    "7d",
    "only the last 10,000, in memory",
    "How long decisions are kept in `decisions.sqlite` in the state directory, for who searches them by the console or the API of an http listener.",
  ),
  "max-megabytes": z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1000)
    .meta({ description: "Of that file: beyond it the oldest go before their time. A thousand decisions take some 0.5 megabytes." }),
});

const listener = z.strictObject({
  protocol: z
    .enum(["policy", "milter", "socketmap", "http"], {
      error: ({ input }) =>
        typeof input === "string"
          ? `the protocol "${input}" is not known to this version. Write "policy", "milter", "socketmap" or "http".`
          : undefined,
    })
    .meta({
      description:
        "Postfix policy delegation, milter (Postfix, Sendmail), socketmap (Postfix, Sendmail's class `socket`); or `http`, for people and monitoring: metrics, health, status, console.",
    }),
  bind: z
    .array(written(parseListenAddress))
    .min(1)
    .meta({ description: "Where to listen: `127.0.0.1:10040`, `[::1]:10040` or `unix:/absolute/path`." }),
  "socket-mode": z
    .string()
    .regex(/^0?[0-7]{3}$/, { error: 'a mode is three or four octal digits in quotes. Write "0660".' })
    .default("0660")
    .meta({ description: "Access mode of unix sockets, octal." }),
  "socket-group": word.optional().meta({ description: "Group of unix sockets.", unset: "the group of the daemon" }),
  "local-port": z
    .int()
    .min(1)
    .max(65535)
    .optional()
    .meta({ description: "The `local_port` of every session here.", unset: "what the MTA says, else 25" }),
  mode: mode.optional().meta({ description: "As `server.mode`, for this listener alone.", unset: "that of the server" }),
  "trusted-networks": z
    .array(network)
    .optional()
    .meta({ description: "As `server.trusted-networks`, for this listener alone.", unset: "those of the server" }),
  "max-connections": z.int().min(1).max(100000).default(2000).meta({
    description:
      "Connections served at once. A further one takes the place of the one that has been idle for longest; it is closed if none is idle.",
  }),
  extensions: z
    .enum(["observe", "enforce"])
    .optional()
    .meta({
      description:
        "For a milter: whether MAIL and RCPT parameters of extensions that `session.extensions` turns off are refused, or only logged. " +
        "A milter cannot hide the keyword: have the MTA not offer it before `enforce` (the maps `ehlo-keywords` and `srv_features`).",
      unset: '`"observe"`',
    }),
  rewrite: z.boolean().optional().meta({
    description:
      "For a milter: whether recipients and the sender are changed to what they resolve to. Use false where the MTA does so by the map `aliases`.",
    unset: "`true`",
  }),
  "token-file": path.optional().meta({
    description:
      "For http: a file whose first line is a token of at least 16 characters. Everybody who comes must show it, as `Authorization: Bearer` or on the login page. Without it the listener may only be bound to addresses of this machine and to unix sockets.",
    unset: "none",
  }),
  "allowed-hosts": z.array(word).optional().meta({
    description: "For http: names and addresses by which browsers reach it (`Host`), without a port, besides those of the machine itself.",
    unset: "none besides `localhost`, `127.0.0.1` and `[::1]`",
  }),
});

const principal = z.strictObject({
  name: z.string().min(1).meta({ description: "Name of the account, group or list." }),
  class: z.enum(["individual", "group", "list"]).default("individual").meta({ description: "What it is." }),
  email: z
    .array(z.string())
    .default([])
    .meta({ description: "Its addresses. The first is the primary one; `@example.org` is a catch-all for that domain." }),
  "email-list": z.array(z.string()).default([]).meta({ description: "Addresses of lists whose mail it gets." }),
  "member-of": z.array(z.string()).default([]).meta({ description: "Names of the groups and lists that it belongs to." }),
});

const directory = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("mta").meta({ description: "Every address is local and exists: the MTA itself decides on recipients and relaying." }),
  }),
  z.strictObject({
    type: z.literal("memory").meta({ description: "Accounts and lists written here." }),
    principals: z.array(principal).default([]).meta({ description: "The accounts, groups and lists." }),
    domains: domainNames.meta({ description: "Local domains besides those of the addresses." }),
  }),
  z.strictObject({
    type: z.literal("file").meta({
      description:
        "Tables of Postfix in their text form, and plain lists, read again when they change. One that is replaced by renaming a new file is used at once, one that is written in place when nothing more was written for 10 seconds, and one that has lost most of its entries only after a minute: one that is written more often has to be renamed. Meanwhile, while one is missing or wrong, and for 10 seconds after a start when one was written in place just before, what the directory knows is accepted and what it does not know is deferred.",
    }),
    virtual: z.array(path).default([]).meta({
      description:
        "Files of `address address…`; `@domain` is a catch-all (virtual(5)). A virtusertable of Sendmail is read, too: `error:…`, `user+*@domain`, `%1`.",
    }),
    aliases: z.array(path).default([]).meta({
      description: "Files of `name: address…` (aliases(5)), with `aliases-domain`. Of Exim, `:fail:` and the like are read, too.",
    }),
    "aliases-domain": domainName.optional().meta({
      description: "The domain of names without one in `aliases`, `virtual` and `mailboxes`: what Postfix has as `$myorigin`.",
      unset: "none",
    }),
    mailboxes: z.array(path).default([]).meta({
      description:
        "Files of `address path` or `address OK`, as in Postfix's virtual_mailbox_maps and relay_recipient_maps; `@domain` is all of a domain.",
    }),
    addresses: z.array(path).default([]).meta({ description: "Files with one address per line." }),
    domains: domainNames.meta({ description: "Local domains besides those of the addresses." }),
  }),
  z.strictObject({
    type: z.literal("sql").meta({ description: "The queries of a store." }),
    store: word.meta({ description: "Name of the store to ask." }),
    cache: directoryCache,
  }),
  ldapDirectory,
  z.strictObject({
    type: z.literal("smtp").meta({ description: "Whoever the server takes by SMTP, which delivers: it is asked by MAIL, RCPT and RSET." }),
    ...callAheadKeys,
  }),
  z.strictObject({ type: z.literal("lmtp").meta({ description: "The same by LMTP." }), ...callAheadKeys }),
]);

const storage = z.strictObject({
  directory: word.optional().meta({ description: "The directory that `''` and `'*'` mean.", unset: "the only directory" }),
  data: word.default("embedded").meta({
    description: "The store that `''` and `'*'` mean in `key_*`, `counter_*` and `sql_query`, and that scripts ask unless they name one.",
  }),
  state: word.default("embedded").meta({ description: "The store for the daemon's own state: greylist and throttles." }),
  "on-corrupt": z.enum(["begin-anew", "wait"]).optional().meta({
    description:
      "When the SQLite file of `state` is corrupt: `begin-anew` renames it, with the new name in the log, and creates an empty one; `wait` leaves it where it is until somebody repairs it, and tries again after 1 second up to 1 minute.",
    unset: '`"begin-anew"` for SQLite',
  }),
});

const relayedList = z.boolean().default(false).meta({
  description:
    "Whether mail for a domain that is a key is taken and passed on, whatever `session.rcpt.relay` says. Its recipients are not checked.",
});

const lookupEntries = z.record(
  z.string(),
  z.union([z.literal(true), z.number(), z.string()], {
    error: ({ input }) =>
      input === false
        ? "an entry is in the list whatever its value is. Leave the entry out; as a value for key_get write 0."
        : "the value of an entry is true, a number or a string. If the key has dots, put it in quotes.",
  }),
);

const domain = z.strictObject({
  name: domainName.meta({ description: "The domain." }),
  aliases: domainNames.meta({
    description: "Domains whose addresses are looked up in this one, and which rules that resolve a recipient see as this one.",
  }),
  directory: word.optional().meta({ description: "The directory of this domain.", unset: "by `session.rcpt.directory`" }),
  "sub-addressing": optionalAddressSwitch(
    "by `session.rcpt.sub-addressing`",
    "As `session.rcpt.sub-addressing`, but `rcpt` is the local part, and so is the string that rules yield, unless it is a whole address; `rcpt_domain` is the domain's name.",
  ),
  "catch-all-address": word
    .optional()
    .meta({ description: "Where unknown addresses go; it is not looked up.", unset: "by `session.rcpt.catch-all`" }),
  "allow-relaying": z.boolean().default(false).meta({ description: "Whether unknown addresses of the domain pass." }),
});

export const schema = z.strictObject({
  server: server.prefault({}),
  log: log.prefault({}),
  decisions: decisions.prefault({}),
  listener: z
    .record(z.string(), listener)
    .prefault({})
    .meta({ description: "One for each service of the MTA; its name is the variable `listener`." }),
  store: storeTable,
  directory: z.record(z.string(), directory).prefault({}).meta({ description: "Who exists." }),
  storage: storage.prefault({}),
  lookup: z.record(z.string(), lookupEntries).default({}).meta({
    description:
      "Lists written here. A key may hold `*` and `?`, and `.example.org` is all sub-domains of example.org; `true` is membership, any other value is what the key stands for.",
  }),
  "lookup-file": z
    .record(
      z.string(),
      z.strictObject({
        path: path.meta({
          description:
            "One key per line as in `lookup`, or a key, a space and a value; `#` begins a comment. Read again when it changes: after it was replaced by renaming a new file, at once; after it was written in place, when nothing more was written for 10 seconds: one that is written more often has to be renamed. Meanwhile, while it is missing or wrong, a rule that refuses because a key is not there, such as `session.rcpt.relay`, defers instead.",
        }),
        "case-sensitive": z.boolean().default(false).meta({ description: "Whether keys are compared as they are written." }),
        relay: relayedList,
      }),
    )
    .default({})
    .meta({ description: "Lists in files." }),
  "lookup-sql": z
    .record(
      z.string(),
      z.strictObject({
        store: word.meta({ description: "Name of the store to ask." }),
        query: z
          .string()
          .min(1)
          .meta({ description: "Found if it yields a row, whose first column is the value. The key is `$1` or `?`." }),
        relay: relayedList,
      }),
    )
    .default({})
    .meta({ description: "Lists that are queries." }),
  dns: dnsTable,
  "dns-list": dnsListTable,
  auth: authTable,
  session: sessionTable,
  sieve: sieveTable,
  domain: z.array(domain).prefault([]).meta({ description: "Settings for one domain. In TOML `[[domain]]`, in JSON also `Domain`." }),
});

/** The configuration in the words of TOML, with its defaults. */
export type Document = z.output<typeof schema>;
