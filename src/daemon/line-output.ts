/** Lines on their way out of the process. Those of one turn of the event loop are written together. */
import { destination } from "pino";

/** Writes of this size are whole in a pipe (PIPE_BUF), so that lines of several processes do not mix. */
const wholeOctets = 4096;

const batchOctets = 16_384;

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
    const size = isShared ? wholeOctets : batchOctets;
    const options = { dest: descriptor, sync: false, contentMode: "buffer", maxWrite: size };
    // With this content mode it takes octets, which its type does not say.
    this.#output = destination(options) as unknown as ByteOutput;
    this.#batch = Buffer.allocUnsafeSlow(size);
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
