/** `[dns-list.*]`. */
import type { DnsListSettings } from "../../dns/dns-list.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import type { Normalised } from "../normalise.ts";
import type { CompileContext } from "./context.ts";

export function compileDnsLists(normalised: Normalised, { report }: CompileContext): ReadonlyMap<string, DnsListSettings> {
  const { dns, "dns-list": lists } = normalised;
  return new Map(
    Object.entries(lists).map(([name, { zone, of, listed, errors, timeout }]) => {
      for (const [index, { written, value }] of listed.entries()) {
        const path = ["dns-list", name, "listed", index];
        const isError = errors.some(({ value: error }) => error.isRange && error.first <= value.first && value.last <= error.last);
        if (value.first >>> 24 !== 127 || value.last >>> 24 !== 127)
          report.error(
            path,
            `"${written}" is not within 127.0.0.0/8, as the codes of lists are. Whatever else comes back is an error of the list.`,
          );
        else if (isError) report.warning(path, `"${written}" never counts: it is among errors. Remove it from one of the two.`);
      }
      if (timeout.value > dns.timeout.value)
        report.warning(
          ["dns-list", name, "timeout"],
          `is longer than dns.timeout (${dns.timeout.written}), at which a query ends. Raise that, too.`,
        );
      const settings: DnsListSettings = {
        ...{ name, zone: canonicalDomain(zone), of, timeoutMs: timeout.value },
        ...{ listed: listed.map(({ written }) => written), errors: errors.map(({ written }) => written) },
      };
      return [name, settings];
    }),
  );
}
