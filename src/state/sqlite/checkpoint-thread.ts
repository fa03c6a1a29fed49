/** The thread that copies the WAL of state.sqlite into the file: in the loop, all requests would wait for the disk. */
import { fdatasyncSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { errorMessage } from "../../text/error-message.ts";

/** Of the file; `descriptor` is one that stays open. */
export interface CheckpointThreadData {
  readonly path: string;
  readonly descriptor: number;
}

/** `sync`: what was copied is then brought to the disk, and what was committed meanwhile is copied, too. */
export type CheckpointWanted = "checkpoint" | "sync";

/** Pages in the WAL when it was copied; `error`: it did not work. */
export interface Checkpoint {
  readonly log: number;
  readonly error?: string;
}

const { path, descriptor } = workerData as CheckpointThreadData;
let database: DatabaseSync | undefined;

function checkpoint(wanted: CheckpointWanted): Checkpoint {
  try {
    database ??= new DatabaseSync(path);
    const passive = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    if (wanted === "sync") {
      passive.get();
      fdatasyncSync(descriptor);
    }
    // The pragma names its columns.
    return { ...(passive.get() as unknown as Checkpoint) };
  } catch (error) {
    return { log: 0, error: errorMessage(error) };
  }
}

parentPort?.on("message", (wanted: CheckpointWanted) => parentPort?.postMessage(checkpoint(wanted)));
