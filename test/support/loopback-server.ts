/** A front end on real sockets, with timers that a test fires and clients that wait for what should come. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { DelayedReplies, type StartTimer } from "../../src/frontend/connection/delayed-replies.ts";
import type { Room } from "../../src/frontend/connection/room.ts";
import type { Notice } from "../../src/frontend/notice.ts";
import { answerSocketmap, socketmapProtocol } from "../../src/frontend/socketmap/socketmap.ts";
import { type Listening, type ListenOptions, listen } from "./listen.ts";
import { policyProtocol, type World, type WorldOptions, world } from "./mail-domain.ts";
import { milterProtocolOf } from "./milter-mta.ts";

/** Timers that run when a test says so. */
export function handClock() {
  const waiting = new Map<number, { readonly ms: number; readonly callback: () => void }>();
  let next = 0;
  let onStart: (ms: number) => void = () => {};
  const timer: StartTimer = (ms, callback) => {
    const id = next++;
    waiting.set(id, { ms, callback });
    onStart(ms);
    return () => waiting.delete(id);
  };
  return {
    timer,
    /** The milliseconds of the next timer that is started. */
    started: () =>
      new Promise<number>((resolve) => {
        onStart = resolve;
      }),
    delays: () => [...waiting.values()].map(({ ms }) => ms),
    /** Runs the timer that was started first. */
    strike() {
      const [first] = waiting;
      if (first === undefined) throw new Error("no timer");
      waiting.delete(first[0]);
      first[1].callback();
    },
  };
}

export interface Place {
  readonly world: World;
  readonly listener: Listening;
  readonly notices: Notice[];
  /** Of delayed replies. */
  readonly clock: ReturnType<typeof handClock>;
  /** How long peers may take. Its time is `time.now`. */
  readonly peerClock: ReturnType<typeof handClock>;
  readonly time: { now: number };
  readonly delayed: DelayedReplies;
  /** How many conversations were told that they are over. */
  ended(): number;
  /** A connection to one of the bound addresses. */
  open(index?: number): Promise<Client>;
}

export interface Client {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Everything received, as soon as it has this many characters. */
  received(length: number): Promise<string>;
  /** Everything received, when the connection is closed. */
  closed(): Promise<string>;
  sofar(): string;
}

interface PlaceOptions extends WorldOptions {
  readonly maxConnections?: number;
  readonly maxWaiting?: number;
  readonly bind?: ListenOptions<unknown>["bind"];
  readonly room?: Room;
  readonly socketMode?: number;
  readonly socketGroup?: string;
}

const anywhere = [{ kind: "inet", host: "127.0.0.1", port: 0 }] as const;

export function start(options: PlaceOptions = {}): Promise<Place> {
  return open(options, "utf8", policyProtocol);
}

/** The same with the milter front end; received text has one character a byte. */
export function startMilter(options: PlaceOptions = {}): Promise<Place> {
  return open(options, "latin1", milterProtocolOf);
}

/** The same with the socketmap front end. */
export function startSocketmap(options: PlaceOptions = {}): Promise<Place> {
  return open(options, "utf8", ({ options: common }, delayed) => {
    const answer = answerSocketmap({ ...common, onLookup: () => {} });
    return () => socketmapProtocol(answer, delayed);
  });
}

type Protocol<Request> = ListenOptions<Request>["protocol"];

async function open<Request>(
  options: PlaceOptions,
  encoding: BufferEncoding,
  protocolOf: (world: World, delayed: DelayedReplies) => Protocol<Request>,
): Promise<Place> {
  const { maxConnections = 100, maxWaiting = 20, bind = anywhere, socketMode = 0o660, socketGroup, room, ...others } = options;
  const [clock, peerClock] = [handClock(), handClock()];
  const time = { now: 0 };
  const delayed = new DelayedReplies(() => maxWaiting, clock.timer);
  const surroundings = world(others);
  const begin = protocolOf(surroundings, delayed);
  let ended = 0;
  const listener = await listen({
    name: "smtp",
    bind,
    socketMode,
    socketGroup,
    maxConnections,
    ...(room && { room }),
    protocol: () => {
      const protocol = begin();
      const onClose = () => {
        ended += 1;
        protocol.onClose?.();
      };
      return { ...protocol, onClose };
    },
    onNotice: surroundings.options.onNotice,
    timer: peerClock.timer,
    now: () => time.now,
  });
  onTestFinished(() => listener.stop(0));
  return {
    world: surroundings,
    listener,
    notices: surroundings.notices,
    clock,
    peerClock,
    time,
    delayed,
    ended: () => ended,
    open: (index = 0) => openClient(listener.addresses[index] ?? "", encoding),
  };
}

async function openClient(address: string, encoding: BufferEncoding): Promise<Client> {
  const [, path, v6, v4, port] = /^(?:unix:(.+)|(?:\[(.+)\]|(.+)):(\d+))$/.exec(address) ?? [];
  const host = v6 ?? v4 ?? "";
  const socket =
    path === undefined ? connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true }) : connect({ path, allowHalfOpen: true });
  let text = "";
  let isClosed = false;
  let wake: () => void = () => {};
  socket.setEncoding(encoding);
  socket.on("data", (part: string) => {
    text += part;
    wake();
  });
  for (const event of ["end", "close"]) {
    socket.on(event, () => {
      isClosed = true;
      wake();
    });
  }
  socket.on("error", () => {});
  await once(socket, "connect");
  const until = async (is: () => boolean) => {
    while (!is()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return text;
  };
  return {
    socket,
    send: (bytes) => socket.write(bytes),
    received: (length) => until(() => text.length >= length || isClosed),
    closed: () => until(() => isClosed),
    sofar: () => text,
  };
}

export const ask = (recipient: string, instance = recipient) =>
  `protocol_state=RCPT\nclient_address=203.0.113.9\nclient_port=1\nhelo_name=a.example\nsender=a@a.example\ninstance=${instance}\nrecipient=${recipient}\n\n`;
export const good = ask("john@example.org");
export const bad = ask("nobody@example.org");
export const dunno = "action=DUNNO\n\n";
export const refused = "action=550 5.1.2 Mailbox does not exist.\n\n";

/** Waits until another request has been answered, so that everything sent before has arrived. */
export async function settle(place: Place): Promise<void> {
  const other = await place.open();
  other.send(ask("jane@example.org", "other"));
  await other.received(dunno.length);
  other.socket.destroy();
}
