/** Where the lines of this process go, and what each is given there. */
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";

/** Who takes the lines. */
export type Destination = "journal" | "terminal" | "other";

export function destinationOf(descriptor: number): Destination {
  if (isatty(descriptor)) return "terminal";
  const { JOURNAL_STREAM } = process.env;
  if (JOURNAL_STREAM === undefined) return "other";
  // systemd names the socket of the journal by device and inode; output that was redirected goes elsewhere (systemd.exec(5)).
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return JOURNAL_STREAM === `${dev}:${ino}` ? "journal" : "other";
}

/** The journal takes it off (sd-daemon(3)). */
const priorities: Readonly<Record<string, string>> = { error: "<3>", warn: "<4>", info: "<6>", debug: "<7>" };

/** What a line of this level begins with. */
export function priorityOf(level: string, to: Destination): string {
  return to === "journal" ? (priorities[level] ?? "") : "";
}
