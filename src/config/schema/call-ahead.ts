/** The keys of directories that ask the server which delivers. */
import { z } from "zod";
import { tlsModes } from "./database-url.ts";
import { directoryCache } from "./directory-cache.ts";
import { domainName, duration, hostName, path, serverHost, word } from "./values.ts";

const probe = word.refine((text) => /^[\w+-]*\{random\}[\w+-]*$/.test(text) && text.length <= 50, {
  error: ({ input }) =>
    `"${String(input)}" is not a local part with {random} in it. Write letters, digits, - or _, and {random} where it shall differ each time.`,
});

export const callAheadKeys = {
  host: serverHost.meta({
    description: "Name or address of the server, or the path of its socket. At most 10 connections are made to it, by each worker.",
  }),
  port: z.int().min(1).max(65535).optional().meta({ description: "Port of the server.", unset: "25, or 24 for `lmtp`" }),
  tls: z.enum(tlsModes).optional().meta({
    description:
      "STARTTLS: `verify` encrypts and checks that the server's certificate is for `host`, `require` only encrypts, `prefer` encrypts if the server offers it, `disable` never does.",
    unset: '`"prefer"`, with `ca` `"verify"`, for a socket `"disable"`',
  }),
  ca: path
    .optional()
    .meta({ description: "A file of certificates (PEM) that the server's must come from.", unset: "the public authorities" }),
  ehlo: hostName.optional().meta({ description: "The name given with EHLO or LHLO.", unset: "`server.hostname`" }),
  domains: z
    .array(domainName)
    .refine((names) => names.length > 0, { error: 'names no domain. Write those of the server, such as domains = ["example.org"].' })
    .meta({ description: "The local domains: those that the server takes mail for." }),
  probe: probe.default("postern-probe-{random}").meta({
    description:
      "A local part that nobody has. Once an hour the server is asked for it in each domain; where it takes it, it takes every address, and all are accepted, with a warning.",
  }),
  timeout: duration("8s", "Deadline of one question, including the wait for a connection; to connect may take a quarter of it."),
  cache: directoryCache,
};
