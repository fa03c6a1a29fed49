/** What all workers have counted and kept, as the primary process asks them for its http listeners. */
import { TemporaryError } from "../answer/temporary-error.ts";
import type { DecisionPage, Mark, Refused } from "../frontend/http/api.ts";
import type { DecisionFilter } from "../frontend/http/decision-filter.ts";
import { readPerTurn } from "../frontend/http/decision-log.ts";
import { type Observation, sumOf } from "../frontend/http/observation.ts";
import type { ObserverAnswer, ObserverQuestion } from "./observed-worker.ts";
import type { Gathered } from "./operations.ts";
import { type Answered, type Asked, RemoteQuestions } from "./remote-questions.ts";

const deadlineMs = 5000;

interface AskedWorker {
  readonly questions: RemoteQuestions<ObserverQuestion, ObserverAnswer>;
  /** As it was last told. */
  last: Observation | undefined;
}

interface FoundDecision {
  readonly worker: AskedWorker;
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export class WorkerObservations implements Gathered {
  readonly #workers = new Map<number, AskedWorker>();
  /** Of workers that have ended, so that no counter goes back. */
  #past: Observation | undefined;
  readonly #watchers = new Set<(decision: string) => void>();

  /** A worker that serves. */
  add(number: number, send: (questions: readonly Asked<ObserverQuestion>[]) => void): void {
    const questions = new RemoteQuestions<ObserverQuestion, ObserverAnswer>({
      ...{ process: `worker ${number}`, send, deadlineMs: () => deadlineMs, onAvailability: () => {} },
    });
    this.#workers.set(number, { questions, last: undefined });
    if (this.#watchers.size > 0) this.#tell(questions, true);
  }

  lose(number: number): void {
    const worker = this.#workers.get(number);
    this.#workers.delete(number);
    worker?.questions.lose();
    if (worker?.last === undefined) return;
    const over: Observation = {
      ...worker.last,
      listeners: [],
      heldReplies: 0,
      sources: worker.last.sources.map((each) => ({ ...each, up: true })),
    };
    this.#past = this.#past === undefined ? over : sumOf([this.#past, over]);
  }

  take(number: number, outcomes: readonly Answered<ObserverAnswer>[]): void {
    this.#workers.get(number)?.questions.take(outcomes);
  }

  decided(decisions: readonly string[]): void {
    for (const decision of decisions) for (const watcher of this.#watchers) watcher(decision);
  }

  /** A worker that does not answer counts as it last did. */
  async observation(): Promise<Observation> {
    await Promise.all(
      [...this.#workers.values()].map(async (worker) => {
        const answer = await orNone(worker.questions.ask({ kind: "observation" }));
        if (answer !== undefined && "observation" in answer) worker.last = answer.observation ?? worker.last;
      }),
    );
    const present = [...this.#workers.values()].flatMap(({ last }) => last ?? []);
    return sumOf(this.#past === undefined ? present : [...present, this.#past]);
  }

  async decisions(filter: DecisionFilter, limit: number, since?: Mark): Promise<DecisionPage> {
    const workers = [...this.#workers.values()];
    const answers = await Promise.all(workers.map(({ questions }) => orNone(questions.ask({ kind: "decisions", filter, limit, since }))));
    const found = answers.map((answer) => (answer !== undefined && "found" in answer ? answer.found : undefined));
    const all = workers
      .flatMap((worker, index) => {
        const { numbers = [], times = [] } = found[index] ?? {};
        return numbers.map((number, place): FoundDecision => ({ worker, number, at: times[place] ?? 0 }));
      })
      .sort((a, b) => a.at - b.at);
    const beyond = since === undefined ? 0 : Math.max(0, all.length - limit);
    const shown = all.slice(Math.max(0, all.length - limit));
    return {
      count: shown.length,
      texts: textsOf(shown),
      missed: found.reduce((sum, each) => sum + (each?.missed ?? 0), beyond),
      mark: Object.assign({}, since, ...found.map((each) => each?.mark)),
    };
  }

  async refused(filter: DecisionFilter): Promise<readonly Refused[]> {
    const answers = await Promise.all(
      [...this.#workers.values()].map(({ questions }) => orNone(questions.ask({ kind: "refused", filter }))),
    );
    return answers.flatMap((answer) => (answer !== undefined && "refused" in answer ? (answer.refused ?? []) : []));
  }

  async keptMs(directory: string, address: string): Promise<number | undefined> {
    const answers = await Promise.all(
      [...this.#workers.values()].map(({ questions }) => orNone(questions.ask({ kind: "kept", directory, address }))),
    );
    const kept = answers.flatMap((answer) => (answer !== undefined && "keptMs" in answer ? (answer.keptMs ?? []) : []));
    return kept.length === 0 ? undefined : Math.max(...kept);
  }

  watch(onDecision: (decision: string) => void): () => void {
    this.#watchers.add(onDecision);
    if (this.#watchers.size === 1) for (const { questions } of this.#workers.values()) this.#tell(questions, true);
    return () => {
      this.#watchers.delete(onDecision);
      if (this.#watchers.size === 0) for (const { questions } of this.#workers.values()) this.#tell(questions, false);
    };
  }

  #tell(questions: AskedWorker["questions"], isOn: boolean): void {
    void orNone(questions.ask({ kind: "watch", isOn }));
  }
}

/** As a `DecisionPage` has them. */
async function* textsOf(found: readonly FoundDecision[]): AsyncGenerator<readonly string[]> {
  for (let from = 0; from < found.length; from += readPerTurn) {
    const portion = found.slice(from, from + readPerTurn);
    const texts = new Map<FoundDecision, string>();
    const byWorker = Map.groupBy(portion, ({ worker }) => worker);
    await Promise.all(
      [...byWorker].map(async ([{ questions }, asked]) => {
        const answer = await orNone(questions.ask({ kind: "texts", numbers: asked.map(({ number }) => number) }));
        const read = answer !== undefined && "texts" in answer ? (answer.texts ?? []) : [];
        // Those that are kept no longer were the first of them.
        const kept = asked.slice(asked.length - read.length);
        for (const [index, each] of kept.entries()) texts.set(each, read[index] ?? "");
      }),
    );
    yield portion.flatMap((each) => texts.get(each) ?? []);
  }
}

/** One that has gone, or is too late, has nothing to say. */
async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TemporaryError) return undefined;
    throw error;
  }
}
