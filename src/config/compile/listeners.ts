/** `[listener.*]`: where the daemon is asked, and whether anybody can. */
import { networks } from "../../mail/ip.ts";
import type { ListenerSettings, Networks } from "../configuration.ts";
import type { Normalised } from "../normalise.ts";
import { formatListenAddress } from "../schema/values.ts";
import { onlyExpression } from "../syntax/rule-set.ts";
import type { CompileContext } from "./context.ts";

const milterKeys = ["extensions", "rewrite"] as const;

export function compileListeners({ listener }: Normalised, { report }: CompileContext): readonly ListenerSettings[] {
  /** By address: who listens there. */
  const taken = new Map<string, string>();
  return Object.entries(listener).map(([name, each]) => {
    const bind = each.bind.map(({ value }) => value);
    for (const [index, address] of bind.entries()) {
      const text = formatListenAddress(address);
      const other = taken.get(text);
      if (other !== undefined)
        report.error(["listener", name, "bind", index], `${text} is bound by the listener "${other}" already. Choose another one.`);
      if (address.kind === "unix" || address.port !== 0) taken.set(text, name);
    }
    for (const key of milterKeys) {
      if (each.protocol === "milter" || each[key] === undefined) continue;
      report.error(["listener", name, key], `is for a milter, and protocol is "${each.protocol}". Remove it.`);
    }
    return {
      name,
      protocol: each.protocol,
      bind,
      socketMode: Number.parseInt(each["socket-mode"], 8),
      socketGroup: each["socket-group"],
      localPort: each["local-port"],
      mode: each.mode,
      trustedNetworks: networksOf(each["trusted-networks"]),
      maxConnections: each["max-connections"],
      extensions: each.extensions ?? "observe",
      rewrite: each.rewrite ?? true,
    };
  });
}

export function networksOf(texts: readonly string[]): Networks {
  return { texts, contains: networks(texts) };
}

/** Somebody must be able to ask, and it must be known who exists. */
export function mustServe({ listener, session, storage }: Normalised, { names, report }: CompileContext): void {
  const [first] = Object.keys(listener);
  const directory = onlyExpression(session.rcpt.directory);
  if (first === undefined) {
    // One that is there and wrong has been reported.
    if (report.problems.some(({ key }) => key.startsWith("listener"))) return;
    report.error(
      ["listener"],
      'there is no listener, so no MTA can ask. Add [listener.smtp] with protocol = "policy" and bind = ["127.0.0.1:10040"].',
    );
  } else if (names.directories.size === 0 && directory !== "false") {
    report.error(
      ["listener", first],
      'has no directory to ask, so every recipient would be foreign. Add a directory that knows who exists, or [directory.mta] with type = "mta" if the MTA itself decides on recipients and relaying.',
    );
  } else if (storage.directory === undefined && names.directories.size > 1 && /^(['"])\*?\1$/.test(directory ?? "")) {
    report.error(
      ["storage", "directory"],
      `is missing, and there are several directories: ${[...names.directories.keys()].join(", ")}. Name one, or set session.rcpt.directory.`,
    );
  }
}
