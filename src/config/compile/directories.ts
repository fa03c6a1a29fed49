/** `[directory.*]` and which of them is the default one. */

import type { DirectorySettings, Principal } from "../../directory/directory-settings.ts";
import { tableParsers } from "../../directory/file.ts";
import type { DnsSettings } from "../../dns/dns.ts";
import { canonicalAddress } from "../../mail/address.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Document } from "../schema/schema.ts";
import { durationMs } from "../schema/values.ts";
import type { Path } from "../syntax/tree.ts";
import { absolute, type Build, textOf } from "./context.ts";

type Of<T extends string> = Extract<Document["directory"][string], { type: T }>;

export function buildDirectories(build: Build): ReadonlyMap<string, DirectorySettings> {
  return new Map(Object.entries(build.document.directory).map(([name, directory]) => [name, settingsOf(name, directory, build)]));
}

function settingsOf(name: string, directory: Document["directory"][string], build: Build): DirectorySettings {
  const path: Path = ["directory", name];
  switch (directory.type) {
    case "mta":
      return { type: "mta", name };
    case "memory":
      return memory(name, path, directory, build);
    case "file":
      return file(name, path, directory, build);
    case "sql": {
      const { store, cache } = directory;
      knownStore([...path, "store"], store, build);
      const { positive, negative } = cache.ttl;
      const ms = { positiveMs: durationMs(positive) ?? 0, negativeMs: durationMs(negative) ?? 0, staleMs: durationMs(cache.stale) ?? 0 };
      return { type: "sql", name, store, cache: { entries: cache.entries, ...ms } };
    }
  }
}

export function knownStore(path: Path, name: string, { declared, report }: Build): void {
  if (declared.stores.has(name)) return;
  report.error(path, `unknown store "${name}".${didYouMean(name, declared.stores) || ` Add [store.${name}], or use "embedded".`}`);
}

function memory(name: string, path: Path, { principals, domains }: Of<"memory">, build: Build): DirectorySettings {
  const names = new Set(principals.map((principal) => principal.name));
  const settings = principals.map((principal, index): Principal => {
    const at: Path = [...path, "principals", index];
    for (const [place, group] of principal["member-of"].entries()) {
      if (names.has(group)) continue;
      build.report.error(
        [...at, "member-of", place],
        `unknown principal "${group}".${didYouMean(group, names) || " Add it to the principals."}`,
      );
    }
    return {
      name: principal.name,
      class: principal.class,
      email: addresses([...at, "email"], principal.email, build),
      emailList: addresses([...at, "email-list"], principal["email-list"], build),
      memberOf: principal["member-of"],
    };
  });
  return { type: "memory", name, principals: settings, domains: domains.map(canonicalDomain) };
}

function addresses(path: Path, texts: readonly string[], { report }: Build): readonly string[] {
  return texts.map((text, index) => {
    if (!/^[^@\s]*@[^@\s]+$|^"[^"]*"@[^@\s]+$/.test(text)) {
      report.error([...path, index], `"${text}" is not an address. Write it as "john@example.org", a catch-all as "@example.org".`);
    }
    return canonicalAddress(text);
  });
}

function file(name: string, path: Path, directory: Of<"file">, build: Build): DirectorySettings {
  const parse = tableParsers(directory["aliases-domain"]);
  for (const key of ["virtual", "aliases", "addresses"] as const) {
    directory[key] = directory[key].map((file) => absolute(build, file));
    for (const [index, file] of directory[key].entries()) {
      const at: Path = [...path, key, index];
      const text = textOf(build, at, file);
      if (text !== undefined) parse[key](text, (line, what) => build.report.error(at, `${file}:${line}: ${what}`));
    }
  }
  const { virtual, aliases, addresses, domains, "aliases-domain": aliasesDomain } = directory;
  if (virtual.length + aliases.length + addresses.length === 0) {
    build.report.error(path, 'names no file. Add virtual, aliases or addresses, such as addresses = ["/etc/postern/addresses"].');
  }
  if (aliases.length > 0 && aliasesDomain === undefined) {
    build.report.error([...path, "aliases"], 'names without a domain need one. Add aliases-domain = "example.org".');
  }
  const domain = aliasesDomain === undefined ? undefined : canonicalDomain(aliasesDomain);
  return { type: "file", name, virtual, aliases, aliasesDomain: domain, addresses, domains: domains.map(canonicalDomain) };
}

export function dnsSettings({ resolvers, timeout, cache }: Document["dns"]): DnsSettings {
  return {
    resolvers,
    timeoutMs: durationMs(timeout) ?? 0,
    entries: cache.entries,
    positiveMs: durationMs(cache.ttl.positive) ?? 0,
    negativeMs: durationMs(cache.ttl.negative) ?? 0,
  };
}
