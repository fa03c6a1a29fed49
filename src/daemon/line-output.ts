/** Lines on their way out of the process. Those of one turn of the event loop are written together. */
import { fstatSync } from "node:fs";
import { destination } from "pino";

/** Lines that are copied at once. */
const batchOctets = 16_384;

/** There is one write at a time, and a busy event loop hears of its end only in its next turn: it has to take what two turns say. */
const writeOctets = 1_048_576;

/** So much is whole where other processes write as well, so that their lines do not mix. */
function wholeOctets(descriptor: number): number {
  const stats = fstatSync(descriptor);
  // PIPE_BUF, and what unix_stream_sendmsg of Linux takes at once. A file takes all of a write.
  if (stats.isFIFO()) return 4096;
  return stats.isSocket() ? 32_768 : writeOctets;
}

interface LineOutputOptions {
  /** Of the file that is written to. */
  readonly descriptor: number;
  /** Other processes write there, too. */
  readonly isShared: boolean;
}

export class LineOutput {
  readonly #output: ByteOutput;
  readonly #batch: Buffer;
  /** How much of the batch is lines. */
  #octets = 0;

  constructor({ descriptor, isShared }: LineOutputOptions) {
    const maxWrite = isShared ? wholeOctets(descriptor) : writeOctets;
    const options = { dest: descriptor, sync: false, contentMode: "buffer", maxWrite };
    // With this content mode it takes octets, which its type does not say.
    this.#output = destination(options) as unknown as ByteOutput;
    this.#batch = Buffer.allocUnsafeSlow(Math.min(batchOctets, maxWrite));
  }

  /** One line, without its end. */
  write(line: string): void {
    const octets = Buffer.byteLength(line) + 1;
    if (this.#octets + octets > this.#batch.length) this.#send();
    if (octets > this.#batch.length) {
      this.#output.write(Buffer.from(`${line}\n`));
      return;
    }
    if (this.#octets === 0) setImmediate(() => this.#send());
    this.#octets += this.#batch.write(line, this.#octets);
    this.#octets = this.#batch.writeUInt8(lineFeed, this.#octets);
  }

  /** To be called before the process ends: all lines are written then. */
  flush(): void {
    try {
      // What is still being written when the process ends would be lost.
      this.#output.sync = true;
      this.#send();
      this.#output.flushSync();
    } catch {
      // The file is closed, and there is nowhere else to report that.
    } finally {
      this.#output.sync = false;
    }
  }

  #send(): void {
    if (this.#octets === 0) return;
    const lines = Buffer.copyBytesFrom(this.#batch, 0, this.#octets);
    this.#octets = 0;
    this.#output.write(lines);
  }
}

interface ByteOutput {
  sync: boolean;
  write(bytes: Buffer): boolean;
  flushSync(): void;
}

const lineFeed = 10;
