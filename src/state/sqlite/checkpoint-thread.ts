/** The thread that copies the WAL of state.sqlite into the file: in the loop, all requests would wait for the disk. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { errorMessage } from "../../text/error-message.ts";

/** Pages in the WAL when it was copied; `error`: it did not work. */
export interface Checkpoint {
  readonly log: number;
  readonly error?: string;
}

let database: DatabaseSync | undefined;

function checkpoint(): Checkpoint {
  try {
    database ??= new DatabaseSync(String(workerData));
    // The pragma names its columns.
    return { ...(database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get() as unknown as Checkpoint) };
  } catch (error) {
    return { log: 0, error: errorMessage(error) };
  }
}

parentPort?.on("message", () => parentPort?.postMessage(checkpoint()));
