/** A server that gives every request the same answer, a process of its own: what sockets and Node take in any case. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { eventFlags, frame, uint32 } from "../../support/milter-frames.ts";
import { type ProtocolName, packetLength } from "./dialogue.ts";
import type { Server } from "./server.ts";

/** What is sent for what was received, which the load sends in one piece. */
const answers: Record<ProtocolName, () => (bytes: Buffer) => string | Buffer> = {
  policy: () => (bytes) => (bytes.indexOf("\n\n") < 0 ? "" : "action=DUNNO\n\n"),
  "milter, all replies": () => answerMilter(),
  "milter, no-reply": () => answerMilter(),
  socketmap: () => () => "5:OK OK,",
};

/** Everything that the MTA can leave unanswered, but RCPT. */
const noReply = Object.entries(eventFlags).reduce((all, [letter, [, flag]]) => (letter === "R" ? all : all | flag), 0);
const neverAnswered = "DAKQ";
const goOn = frame("c");

function answerMilter(): (bytes: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0);
  let silent = neverAnswered;
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const replies: Buffer[] = [];
    for (let length = packetLength(rest); length > 0; length = packetLength(rest)) {
      const letter = String.fromCharCode(rest.readUInt8(4));
      if (letter === "O") {
        const protocol = rest.readUInt32BE(13) & noReply;
        silent =
          neverAnswered +
          Object.keys(eventFlags)
            .filter((event) => protocol & (eventFlags[event]?.[1] ?? 0))
            .join("");
        replies.push(frame("O", uint32(6) + uint32(0) + uint32(protocol)));
      } else if (!silent.includes(letter)) {
        replies.push(goOn);
      }
      rest = rest.subarray(length);
    }
    return Buffer.concat(replies);
  };
}

export async function startConstant(protocol: ProtocolName): Promise<Server> {
  const child = fork(new URL(import.meta.url), [protocol], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [port] = await once(child, "message");
  return { pid: Number(child.pid), port: Number(port), stop: async () => void child.kill() };
}

async function serve(protocol: ProtocolName): Promise<number> {
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    const answer = answers[protocol]();
    socket.on("data", (bytes) => {
      const reply = answer(bytes);
      if (reply.length > 0) socket.write(reply);
    });
    socket.on("error", () => {});
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 });
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

if (import.meta.main) {
  // `startConstant` above gives it.
  const name = process.argv[2] as ProtocolName;
  process.on("disconnect", () => process.exit());
  process.send?.(await serve(name));
}
