/** Connections to a policy listener, each for one question at a time, and kept for the next one. */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { type Action, parseAction } from "../../wire/policy-question.ts";

/** Half of what a listener takes by default. */
const maxConnections = 1000;

/** Postfix waits for an answer as long, and an idle connection is closed after it, too. */
const defaultSilenceMs = 100_000;

export class PolicyConnections {
  readonly #where: NetConnectOpts;
  readonly #silenceMs: number;
  readonly #silent: Error;
  readonly #idle: Socket[] = [];
  #busy = 0;

  constructor(where: NetConnectOpts, silenceMs = defaultSilenceMs) {
    this.#where = where;
    this.#silenceMs = silenceMs;
    this.#silent = new Error(`no answer in ${silenceMs / 1000} s`);
  }

  async ask(request: string): Promise<Action> {
    if (this.#busy >= maxConnections) throw new Error(`${maxConnections} questions wait for an answer already`);
    this.#busy += 1;
    try {
      return await this.#ask(request);
    } finally {
      this.#busy -= 1;
    }
  }

  async #ask(request: string): Promise<Action> {
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      try {
        return await this.#exchange(kept, request);
      } catch (error) {
        // That a daemon which was started anew has closed it is no failure.
        if (error === this.#silent) throw error;
      }
    }
    return this.#exchange(this.#open(), request);
  }

  #open(): Socket {
    const socket = connect(this.#where).setEncoding("latin1").setTimeout(this.#silenceMs);
    return socket
      .on("timeout", () => socket.destroy(this.#silent))
      .on("error", () => {})
      .on("close", () => {
        const index = this.#idle.indexOf(socket);
        if (index >= 0) this.#idle.splice(index, 1);
      });
  }

  #exchange(socket: Socket, request: string): Promise<Action> {
    const { promise, resolve, reject } = Promise.withResolvers<Action>();
    let reply = "";
    const receive = (portion: string) => {
      reply += portion;
      try {
        const action = parseAction(reply);
        if (action !== undefined) resolve(action);
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    };
    const closed = () => reject(socket.errored ?? new Error("the connection was closed"));
    socket.on("data", receive).on("close", closed).write(request);
    if (socket.destroyed) closed();
    return promise.finally(() => {
      socket.off("data", receive).off("close", closed);
      if (!socket.destroyed) this.#idle.push(socket);
    });
  }
}
