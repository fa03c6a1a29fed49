/** How much memory the heap of a process that serves may take for what nobody needs any longer. */
import { setFlagsFromString } from "node:v8";

/**
 * The heap is collected when it has grown by this part of what was alive. V8 waits until it has grown to several times that: since each
 * session that is remembered lives long enough to be moved to where objects are old, most of the process would be dead sessions.
 */
const growingPercent = 120;

/** For a process that will serve, before it does. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}
