/** The sources as one request asks them: it waits for each only as long as its patience lasts. */
import type { Answer } from "../answer/answer.ts";
import { type Patience, type WaitedFor, waitPatiently } from "../answer/patience.ts";
import type { Ask } from "../expr/ask.ts";
import type { Directory, Exemptions, Lookup, Recipient, SenderAuth, Sources } from "../stage/sources.ts";
import type { CorrespondentQuestion, GreylistAnswer, GreylistQuestion, State, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";

/** What all requests to one core have in common. */
export interface SharedByRequests {
  readonly sources: Sources;
  /** What expressions ask, with the patience of a request. */
  readonly ask: (patience: Patience) => Ask;
  readonly senderAuth: (patience: Patience) => SenderAuth;
}

export class RequestSources implements Sources {
  readonly #shared: SharedByRequests;
  readonly #patience: Patience;
  #ask: Ask | undefined;
  #senderAuth: SenderAuth | undefined;
  #state: State | undefined;

  constructor(shared: SharedByRequests, patience: Patience) {
    this.#shared = shared;
    this.#patience = patience;
  }

  // Most requests ask none of them.
  get ask(): Ask {
    this.#ask ??= this.#shared.ask(this.#patience);
    return this.#ask;
  }

  get senderAuth(): SenderAuth {
    this.#senderAuth ??= this.#shared.senderAuth(this.#patience);
    return this.#senderAuth;
  }

  get state(): State {
    this.#state ??= new RequestState(this.#shared.sources.state, this.#patience);
    return this.#state;
  }

  get exemptions(): Exemptions {
    return this.#shared.sources.exemptions;
  }

  directory(name: string): Directory | undefined {
    const directory = this.#shared.sources.directory(name);
    return directory?.source === undefined ? directory : new RequestDirectory(directory, directory.source, this.#patience);
  }

  lookup(name: string): Lookup | undefined {
    const lookup = this.#shared.sources.lookup(name);
    if (lookup?.source === undefined) return lookup;
    const { source, waits } = lookup;
    return { source, waits, get: (key) => this.#patience.wait(source, () => lookup.get(key)) };
  }

  now(): number {
    return this.#shared.sources.now();
  }

  yieldToLoop(): Promise<void> {
    return this.#shared.sources.yieldToLoop();
  }
}

/** A directory that keeps answers sees to the patience itself, since what it knows needs none. */
class RequestDirectory implements Directory {
  readonly #directory: Directory;
  readonly #patience: Patience;
  readonly source: WaitedFor;

  constructor(directory: Directory, source: WaitedFor, patience: Patience) {
    this.#directory = directory;
    this.#patience = patience;
    this.source = source;
  }

  get name(): string {
    return this.#directory.name;
  }

  get waits(): boolean {
    return this.#directory.waits;
  }

  get forwards(): boolean {
    return this.#directory.forwards === true;
  }

  get everything(): boolean {
    return this.#directory.everything === true;
  }

  isLocalDomain(domain: string): Answer<boolean> {
    return this.#directory.isLocalDomain(domain, this.#patience);
  }

  recipient(address: string): Answer<Recipient | undefined> {
    return this.#directory.recipient(address, this.#patience);
  }

  get account(): Directory["account"] {
    const directory = this.#directory;
    return directory.account && ((login) => directory.account?.(login, this.#patience));
  }

  verify(text: string): Answer<readonly string[]> {
    return this.#patience.wait(this.source, () => this.#directory.verify(text));
  }

  expand(address: string): Answer<readonly string[] | undefined> {
    return this.#patience.wait(this.source, () => this.#directory.expand(address));
  }

  saidOf(address: string): string | undefined {
    return this.#directory.saidOf?.(address);
  }
}

class RequestState implements State {
  readonly #state: State;
  readonly #patience: Patience;

  constructor(state: State, patience: Patience) {
    this.#state = state;
    this.#patience = patience;
  }

  greylist(question: GreylistQuestion): Answer<GreylistAnswer> {
    return waitPatiently(this.#patience, this.#state.source, () => this.#state.greylist(question));
  }

  throttle(question: ThrottleQuestion): Answer<ThrottleAnswer> {
    return waitPatiently(this.#patience, this.#state.source, () => this.#state.throttle(question));
  }

  areCorrespondents(question: CorrespondentQuestion): Answer<boolean> {
    return waitPatiently(this.#patience, this.#state.source, () => this.#state.areCorrespondents(question));
  }

  remember(question: CorrespondentQuestion): Answer<void> {
    return waitPatiently(this.#patience, this.#state.source, () => this.#state.remember(question));
  }

  giveBack(question: ThrottleQuestion): Answer<void> {
    // Asked even when the time is up, since nobody needs to wait for it.
    const answer = this.#state.giveBack(question);
    if (answer instanceof Promise) answer.catch(() => {});
    return waitPatiently(this.#patience, this.#state.source, () => answer);
  }
}
