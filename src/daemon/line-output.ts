/**
 * Lines on their way out of the process: in one write those of a moment, or all that came during the write before. Mail
 * waits neither for who reads them nor for a disk that is full: then they wait, up to a bound beyond which they are lost and counted.
 */
import files from "node:fs";
import { lineFeed } from "../text/ascii.ts";
import { codeOf } from "../text/error-code.ts";

/** So much is whole where other processes write as well, so that their lines do not mix. */
function wholeOctets(descriptor: number): number {
  const stats = files.fstatSync(descriptor);
  // PIPE_BUF, and what unix_stream_sendmsg of Linux takes at once. A file takes all of a write.
  if (stats.isFIFO()) return 4096;
  return stats.isSocket() ? 32_768 : maxOctets;
}

/** What waits, at first and at most. */
const firstOctets = 65_536;
const maxOctets = 16 * 1_048_576;

/** A write takes a thread of its own, and as long as ten lines: it waits for further ones, so long or until they are so many octets. */
const momentMs = 10;
const enoughOctets = 32_768;

/** From a write that failed to the next one. */
const againMs = 100;
/** How long the end of the process waits for a reader that takes nothing. */
const flushMs = 1000;
const flushAgainMs = 10;

interface LineOutputOptions {
  /** Of the file that is written to. */
  readonly descriptor: number;
  /** Other processes write there, too. */
  readonly isShared: boolean;
  /** So many lines were lost, and now there is room again. */
  readonly onLost: (lines: number) => void;
}

export class LineOutput {
  readonly #options: LineOutputOptions;
  /** Of one write. */
  readonly #wholeOctets: number;
  /** Where lines are added, and up to where they are. */
  #waiting = Buffer.allocUnsafeSlow(firstOctets);
  #waitingOctets = 0;
  /** What waited before, and from where to where nobody has begun to write it. */
  #leaving = Buffer.allocUnsafeSlow(firstOctets);
  #from = 0;
  #until = 0;
  /** A write is under way, begins with this turn's end, or is tried again. */
  #isBusy = false;
  #moment: NodeJS.Timeout | undefined;
  #lost = 0;

  constructor(options: LineOutputOptions) {
    this.#options = options;
    this.#wholeOctets = options.isShared ? wholeOctets(options.descriptor) : maxOctets;
  }

  /** One line, without its end. */
  write(line: string): void {
    // A UTF-16 unit takes three octets at most.
    if (!this.#makeRoom(3 * line.length + 1)) {
      this.#lost += 1;
      return;
    }
    this.#waitingOctets += this.#waiting.write(line, this.#waitingOctets);
    this.#waiting[this.#waitingOctets] = lineFeed;
    this.#waitingOctets += 1;
    if (!this.#isBusy) this.#soon();
  }

  /** To be called before the process ends: all lines are written then, but for those whose write is under way. */
  flush(): void {
    const deadline = performance.now() + flushMs;
    while (this.#from < this.#until) this.#from += this.#writeNow(this.#leaving, this.#from, this.#until, deadline);
    let from = 0;
    while (from < this.#waitingOctets) from += this.#writeNow(this.#waiting, from, this.#waitingOctets, deadline);
    this.#waitingOctets = 0;
  }

  #makeRoom(octets: number): boolean {
    const wanted = this.#waitingOctets + octets;
    if (wanted <= this.#waiting.length) return true;
    if (wanted > maxOctets) return false;
    const larger = Buffer.allocUnsafeSlow(Math.min(maxOctets, Math.max(wanted, 2 * this.#waiting.length)));
    this.#waiting.copy(larger, 0, 0, this.#waitingOctets);
    this.#waiting = larger;
    return true;
  }

  /** In a moment, or at the end of this turn. */
  #soon(): void {
    if (this.#waitingOctets < enoughOctets) {
      this.#moment ??= setTimeout(() => this.#begin(), momentMs).unref();
      return;
    }
    clearTimeout(this.#moment);
    this.#isBusy = true;
    setImmediate(() => this.#begin());
  }

  #begin(): void {
    this.#moment = undefined;
    this.#isBusy = true;
    this.#next();
  }

  #next(): void {
    if (this.#from === this.#until) this.#leave();
    this.#isBusy = this.#from < this.#until;
    if (!this.#isBusy) return;
    const from = this.#from;
    const until = this.#portionEnd(this.#leaving, from, this.#until);
    this.#from = until;
    files.write(this.#options.descriptor, this.#leaving, from, until - from, null, (error, octets = 0) => {
      // Meanwhile a flush may have written what follows.
      if (this.#from === this.#until) this.#until = until;
      this.#from = from + octets;
      if (error !== null) setTimeout(() => this.#next(), againMs).unref();
      else if (this.#from < this.#until) this.#next();
      else {
        this.#isBusy = false;
        if (this.#waitingOctets > 0) this.#soon();
      }
    });
  }

  /** What waits is what leaves. */
  #leave(): void {
    const left = this.#leaving;
    this.#leaving = this.#waiting;
    this.#from = 0;
    this.#until = this.#waitingOctets;
    this.#waiting = left.length === firstOctets ? left : Buffer.allocUnsafeSlow(firstOctets);
    this.#waitingOctets = 0;
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#options.onLost(lost);
  }

  /** How much of it was written, or must be left. */
  #writeNow(lines: Buffer, from: number, until: number, deadline: number): number {
    try {
      return files.writeSync(this.#options.descriptor, lines, from, this.#portionEnd(lines, from, until) - from);
    } catch (error) {
      // The file is closed, or the disk is full, and there is nowhere else to report that.
      if (!isPipeFull(error) || performance.now() > deadline) return until - from;
      Atomics.wait(pause, 0, 0, flushAgainMs);
      return 0;
    }
  }

  /** Where one write ends: with a line, if others write there, too. */
  #portionEnd(lines: Buffer, from: number, until: number): number {
    if (until - from <= this.#wholeOctets) return until;
    const last = lines.lastIndexOf(lineFeed, from + this.#wholeOctets - 1);
    return 1 + (last >= from ? last : lines.indexOf(lineFeed, from));
  }
}

function isPipeFull(error: unknown): boolean {
  return codeOf(error) === "EAGAIN";
}

/** Where nobody wakes who waits. */
const pause = new Int32Array(new SharedArrayBuffer(4));
