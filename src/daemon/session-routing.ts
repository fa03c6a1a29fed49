/**
 * One SMTP session in one worker. An MTA asks about a session over several connections, which may be those of several workers: the
 * worker that a session belongs to is found by a hash of its key, and decides whatever connection a request came on.
 */
import type { OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { maxAnswerMs } from "../frontend/connection/deadline.ts";
import type { TimedReply } from "../frontend/connection/protocol.ts";
import type { AnswerPolicy } from "../frontend/policy/policy.ts";
import { PolicySessions } from "../frontend/policy/policy-session.ts";
import { textHash } from "../text/text-hash.ts";
import type { PolicyRequest } from "../wire/policy.ts";
import { type Answered, type Asked, answerQuestions, RemoteQuestions } from "./remote-questions.ts";

export interface SessionRequest {
  readonly listener: string;
  readonly request: PolicyRequest;
}

/** From one worker to another. */
export type RoutedMessage =
  | { readonly kind: "requests"; readonly requests: readonly Asked<SessionRequest>[] }
  | { readonly kind: "replies"; readonly replies: readonly Answered<TimedReply>[] };

export interface SessionRoutingOptions {
  /** Which worker this is, from 1 on, and of how many. */
  readonly worker: number;
  readonly workers: number;
  /** `false`: it could not be sent. */
  readonly send: (to: number, message: RoutedMessage) => boolean;
  /** Another worker runs and does not answer, or answers again. */
  readonly onAvailability: OnAvailability;
}

export class SessionRouting {
  readonly #options: SessionRoutingOptions;
  /** By listener. */
  readonly #answers = new Map<string, AnswerPolicy>();
  readonly #owners = new Map<number, RemoteQuestions<SessionRequest, TimedReply>>();

  constructor(options: SessionRoutingOptions) {
    this.#options = options;
  }

  /** Answers by the worker that the session belongs to, or by `answer` when that worker is this one, has gone, or is too late. */
  route(listener: string, answer: AnswerPolicy): AnswerPolicy {
    this.#answers.set(listener, answer);
    const sessions = new PolicySessions(listener);
    return (request, connection) => {
      const owner = this.#ownerOf(sessions.nameOf(request));
      if (owner === this.#options.worker) return answer(request, connection);
      return this.#questionsTo(owner)
        .ask({ listener, request })
        .catch(() => answer(request, connection));
    };
  }

  take(from: number, message: RoutedMessage): void {
    switch (message.kind) {
      case "requests":
        answerQuestions(
          (question: SessionRequest) => this.#answer(question),
          (replies) => this.#options.send(from, { kind: "replies", replies }),
        )(message.requests);
        return;
      case "replies":
        this.#owners.get(from)?.take(message.replies);
        return;
    }
  }

  /** That worker has ended, or cannot be asked now. Whoever has its number is asked anew. */
  lose(worker: number): void {
    this.#owners.get(worker)?.lose();
    this.#owners.delete(worker);
  }

  #ownerOf(name: string | undefined): number {
    const { worker, workers } = this.#options;
    return name === undefined ? worker : ((textHash(name) >>> 0) % workers) + 1;
  }

  #questionsTo(worker: number): RemoteQuestions<SessionRequest, TimedReply> {
    const known = this.#owners.get(worker);
    if (known !== undefined) return known;
    const questions = new RemoteQuestions<SessionRequest, TimedReply>({
      process: `worker ${worker}`,
      send: (requests) => {
        if (!this.#options.send(worker, { kind: "requests", requests })) this.lose(worker);
      },
      // An MTA waits longer for a policy, so that the worker that it asked can still decide.
      deadlineMs: () => maxAnswerMs,
      onAvailability: this.#options.onAvailability,
    });
    this.#owners.set(worker, questions);
    return questions;
  }

  #answer({ listener, request }: SessionRequest): ReturnType<AnswerPolicy> {
    const answer = this.#answers.get(listener);
    if (answer === undefined) throw new TemporaryError(`no listener "${listener}" here`);
    return answer(request);
  }
}
