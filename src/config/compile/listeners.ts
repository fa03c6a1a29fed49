/** `[listener.*]`, with what they take over from the server. */
import { networks } from "../../mail/ip.ts";
import type { ListenerSettings, Networks } from "../configuration.ts";
import { formatBind, parseBind } from "../schema/values.ts";
import type { Build } from "./context.ts";

const milterKeys = ["extensions", "rewrite"] as const;

export function buildListeners({ document, report }: Build): readonly ListenerSettings[] {
  /** By address: who listens there. */
  const taken = new Map<string, string>();
  return Object.entries(document.listener).map(([name, listener]) => {
    const bind = listener.bind.map(parseBind).filter((parsed) => typeof parsed !== "string");
    for (const [index, address] of bind.entries()) {
      const text = formatBind(address);
      const other = taken.get(text);
      if (other !== undefined)
        report.error(["listener", name, "bind", index], `${text} is bound by the listener "${other}" already. Choose another one.`);
      if (address.kind === "unix" || address.port !== 0) taken.set(text, name);
    }
    if (listener.protocol === "milter") {
      listener.extensions ??= "observe";
      listener.rewrite ??= true;
    } else {
      for (const key of milterKeys) {
        if (listener[key] === undefined) continue;
        report.error(["listener", name, key], `is for a milter, and protocol is "${listener.protocol}". Remove it.`);
      }
    }
    listener.mode ??= document.server.mode;
    listener["trusted-networks"] ??= document.server["trusted-networks"];
    return {
      name,
      protocol: listener.protocol,
      bind,
      socketMode: Number.parseInt(listener["socket-mode"], 8),
      socketGroup: listener["socket-group"],
      localPort: listener["local-port"],
      mode: listener.mode,
      trustedNetworks: networksOf(listener["trusted-networks"]),
      maxConnections: listener["max-connections"],
      extensions: listener.extensions ?? "observe",
      rewrite: listener.rewrite ?? true,
    };
  });
}

export function networksOf(texts: readonly string[]): Networks {
  return { texts, contains: networks(texts) };
}
