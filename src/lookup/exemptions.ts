/** Who is exempt from greylisting: entries of the configuration, and files that are read again when they change. */

import type { OnAvailability } from "../answer/availability.ts";
import { type LineProblem, WatchedFile } from "../file/watched-file.ts";
import type { Exemptions } from "../stage/sources.ts";
import { parseExemptClients } from "./exempt-clients.ts";
import { parseExemptRecipients } from "./exempt-recipients.ts";

interface ListSettings {
  readonly entries: readonly string[];
  /** Absolute paths. */
  readonly files: readonly string[];
}

export interface ExemptionSettings {
  readonly clients: ListSettings;
  readonly recipients: ListSettings;
}

export interface OpenExemptions {
  readonly exemptions: Exemptions;
  /** Looks whether files changed. */
  refresh(): Promise<void>;
}

/** Reads all files; throws a `FileProblem`. */
export function openExemptions({ clients, recipients }: ExemptionSettings, onAvailability: OnAvailability): OpenExemptions {
  const clientLists = open(clients, parseExemptClients, onAvailability);
  const recipientLists = open(recipients, parseExemptRecipients, onAvailability);
  return {
    exemptions: {
      client: (address, name) => clientLists.tests().some((test) => test(address, name)),
      recipient: (address) => recipientLists.tests().some((test) => test(address)),
    },
    async refresh() {
      await Promise.all([...clientLists.files, ...recipientLists.files].map((file) => file.refresh()));
    },
  };
}

function open<T>({ entries, files }: ListSettings, parse: (text: string, problem: LineProblem) => T, onAvailability: OnAvailability) {
  // The configuration has no entry with a problem.
  const inline = parse(entries.join("\n"), () => {});
  const watched = files.map((path) => new WatchedFile(`greylist: ${path}`, path, parse, onAvailability));
  return { tests: (): readonly T[] => [inline, ...watched.map(({ content }) => content)], files: watched };
}
