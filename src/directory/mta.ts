/** A directory that leaves recipients to the MTA: every address is local and exists. */
import type { Directory } from "../stage/sources.ts";

export function openMtaDirectory(name: string): Directory {
  return {
    name,
    waits: false,
    everything: true,
    isLocalDomain: () => true,
    recipient: (address) => ({ kind: "mailbox", primaries: [address] }),
    verify: () => [],
    expand: () => undefined,
  };
}
