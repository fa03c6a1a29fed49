/** An SMTP client that sends one line at a time and returns the whole reply, for sessions with a real MTA. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Readable, Writable } from "node:stream";
import { connect as connectByTls, type SecureContextOptions } from "node:tls";

export interface Smtp {
  /** The reply, its lines joined by LF; rejects when the connection is lost before its end. */
  say(line: string): Promise<string>;
  /** Resolves when the server closes the connection: call it only where that is expected. */
  closed(): Promise<true>;
  end(): void;
}

/** Up to and including the first line whose code is followed by a space. */
const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/;

/** Connects to 127.0.0.1, from another address of the machine when one is given, and reads the greeting. */
export async function openSmtp(port: number, localAddress?: string): Promise<Smtp> {
  const socket = connect({ port, host: "127.0.0.1", ...(localAddress === undefined ? {} : { localAddress }) });
  return speakSmtp(socket, socket);
}

/** The same, and goes on over TLS, as a client with this certificate, or without one. */
export async function openSmtpByTls(port: number, certificate: SecureContextOptions = {}): Promise<Smtp> {
  const socket = connect({ port, host: "127.0.0.1" });
  const clear = await speakSmtp(socket, socket);
  await clear.say("EHLO client.example.com");
  const reply = await clear.say("STARTTLS");
  if (!reply.startsWith("220")) throw new Error(`no TLS: ${reply}`);
  socket.removeAllListeners("data");
  const { cert, key } = certificate;
  const secure = connectByTls({ socket, rejectUnauthorized: false, cert, key });
  await once(secure, "secureConnect");
  return converse(secure, secure, reader(secure));
}

/** Reads the greeting; `end` closes the output. */
export async function speakSmtp(input: Readable, output: Writable): Promise<Smtp> {
  const read = reader(input);
  const greeting = await read();
  if (!greeting.startsWith("220")) throw new Error(`greeted by ${greeting}`);
  return converse(input, output, read);
}

function converse(input: Readable, output: Writable, read: () => Promise<string>): Smtp {
  return {
    say(line) {
      output.write(`${line}\r\n`);
      return read();
    },
    async closed() {
      if (!input.readableEnded) await once(input, "end");
      return true;
    },
    end: () => void output.destroy(),
  };
}

function reader(input: Readable): () => Promise<string> {
  let buffer = "";
  let failure: Error | undefined;
  let wake = () => {};
  input.on("data", (chunk: Buffer) => {
    buffer += chunk.toString("utf8").replaceAll("\r\n", "\n");
    wake();
  });
  input.on("error", (error) => {
    failure = error;
    wake();
  });
  input.on("close", () => {
    failure ??= new Error("the connection was closed");
    wake();
  });
  return async () => {
    for (;;) {
      const whole = reply.exec(buffer)?.[0];
      if (whole !== undefined) {
        buffer = buffer.slice(whole.length);
        return whole.trimEnd();
      }
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
