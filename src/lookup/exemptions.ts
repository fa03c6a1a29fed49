/** Who is exempt from greylisting: entries of the configuration, and files that are read again when they change. */
import type { LineProblem } from "../file/file-problem.ts";
import { type Files, refreshAll } from "../file/files.ts";
import type { Exemptions } from "../stage/sources.ts";
import { parseExemptClients } from "./exempt-clients.ts";
import { parseExemptRecipients } from "./exempt-recipients.ts";
import { entriesIn } from "./exemption-list.ts";

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
  /** Reads the files; to be called before they are asked, when it rejects with a `FileProblem`, and then once a second. */
  refresh(): Promise<void>;
}

export function openExemptions({ clients, recipients }: ExemptionSettings, files: Files): OpenExemptions {
  const clientLists = open("exempt-clients", clients, parseExemptClients, files);
  const recipientLists = open("exempt-recipients", recipients, parseExemptRecipients, files);
  return {
    exemptions: {
      client: (address, name) => clientLists.someTest((test) => test(address, name)),
      recipient: (address) => recipientLists.someTest((test) => test(address)),
    },
    refresh: () => refreshAll([...clientLists.files, ...recipientLists.files].map((file) => () => file.refresh())),
  };
}

function open<T>(variant: string, settings: ListSettings, parse: (text: string, problem: LineProblem) => T, files: Files) {
  const format = {
    isByLine: true as const,
    create: (): T[] => [],
    add(tests: T[], portion: Buffer, problem: LineProblem) {
      const text = portion.toString();
      tests.push(parse(text, problem));
      return entriesIn(text).length;
    },
  };
  // The configuration has no entry with a problem.
  const inline = parse(settings.entries.join("\n"), () => {});
  const watched = settings.files.map((path) => files.watch({ name: "greylist", variant, path, format, needsEntries: false }));
  const someTest = (holds: (test: T) => boolean) => holds(inline) || watched.some(({ content }) => content.some(holds));
  return { someTest, files: watched };
}
