/** The thread that has the file of kept decisions: it writes, removes and searches, and the loop that decides never waits for the disk. */
import { parentPort, workerData } from "node:worker_threads";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { ArchiveSearch, ArchiveSpan } from "../frontend/http/api.ts";
import { ArchiveFile, type ArchiveLimits, type CountedRefused, type Found } from "./archive-file.ts";
import { messageOf } from "./message-of.ts";
import { type Answered, type Asked, answerQuestions } from "./remote-questions.ts";

export interface ArchiveThreadData {
  readonly path: string;
  readonly limits: ArchiveLimits;
}

export type ArchiveQuestion =
  | { readonly kind: "search"; readonly search: ArchiveSearch }
  | { readonly kind: "refused"; readonly span: ArchiveSpan };

export type MessageToArchive =
  /** Lines of JSON. Answered by `written` before the next one is sent. */
  | { readonly kind: "write"; readonly decisions: readonly string[] }
  | { readonly kind: "search"; readonly questions: readonly Asked<ArchiveQuestion>[] }
  | { readonly kind: "close" };

export type MessageFromArchive =
  /** With `error` none of them was. */
  | { readonly kind: "written"; readonly error?: string }
  | { readonly kind: "found"; readonly outcomes: readonly Answered<Found | CountedRefused>[] };

// Who starts this thread gives it these.
const { path, limits } = workerData as ArchiveThreadData;

let file: ArchiveFile | undefined;

/** When it was removed or replaced, and after a failure, it is opened anew. */
function use<T>(work: (file: ArchiveFile) => T): T {
  try {
    if (file?.isInPlace === false) close();
    file ??= new ArchiveFile(path);
    return work(file);
  } catch (error) {
    close();
    throw error;
  }
}

function close(): void {
  const closed = file;
  file = undefined;
  try {
    closed?.close();
  } catch {
    // The next one to open it meets the same problem.
  }
}

function send(message: MessageFromArchive): void {
  parentPort?.postMessage(message);
}

function write(decisions: readonly string[]): MessageFromArchive {
  try {
    use((open) => open.write(decisions, limits, Date.now()));
    return { kind: "written" };
  } catch (error) {
    return { kind: "written", error: messageOf(error) };
  }
}

const search = answerQuestions(
  (question: ArchiveQuestion): Found | CountedRefused => {
    try {
      return use((open) => (question.kind === "search" ? open.search(question.search) : open.countRefused(question.span)));
    } catch (error) {
      throw new TemporaryError(messageOf(error));
    }
  },
  (outcomes) => send({ kind: "found", outcomes }),
);

parentPort?.on("message", (message: MessageToArchive) => {
  switch (message.kind) {
    case "write":
      send(write(message.decisions));
      return;
    case "search":
      search(message.questions);
      return;
    case "close":
      close();
      parentPort?.close();
      return;
  }
});
