/** Reads a file as a whole, and at once: a configuration, and what it names. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";

/** `undefined`: it is larger. Throws as node:fs does, and for what is not a regular file: a FIFO would wait for its writer. */
export function readSmallFile(path: string, maxOctets: number): Buffer | undefined {
  mustBeRegular(statSync(path));
  // Not blocking, for what may have come in its place since.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    mustBeRegular(stats);
    return stats.size > maxOctets ? undefined : readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function mustBeRegular(stats: Stats): void {
  if (!stats.isFile()) throw new Error("it is not a regular file");
}
