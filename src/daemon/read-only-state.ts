/** State for commands that do not change it: the greylist answers from what is there, and throttles count what the command itself does. */

import type { OnAvailability } from "../answer/availability.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Core } from "../stage/core.ts";
import { answeredBy, type GreylistAnswer, type GreylistQuestion, type ThrottleQuestion } from "../stage/state.ts";
import { decideGreylist, noRows } from "../state/decide.ts";
import { MemoryState } from "../state/memory.ts";
import type { StateStore } from "../state/state-store.ts";
import { isMissing } from "../store/private-file.ts";
import type { StateSettings } from "../store/store-settings.ts";
import type { StateLease } from "./state-lease.ts";
import { stateSettings } from "./state-settings.ts";

/** A core for one of several sessions that are played: what throttles count in it is not there in the next one. */
export function countedApart(core: Core): Core {
  const counters = new MemoryState();
  const own = {
    throttle: (question: ThrottleQuestion) => counters.throttle(question),
    giveBack: (question: ThrottleQuestion) => counters.giveBack(question),
  };
  return { ...core, sources: { ...core.sources, state: answeredBy(own, core.sources.state) } };
}

/** Opens the store when it is first asked. */
export function unchangedState(configuration: Configuration, onAvailability: OnAvailability): StateLease {
  const counters = new MemoryState();
  let opening: Promise<StateStore> | undefined;

  async function open(settings: StateSettings): Promise<StateStore> {
    const { openState } = await import("../state/open-state.ts");
    return openState(settings, { onAvailability, readOnly: true });
  }

  /** `undefined`: no daemon has run here yet, and this creates no file. */
  function storeThere(): Promise<StateStore> | undefined {
    const settings = stateSettings(configuration);
    if (settings.type === "sqlite" && isMissing(settings.path)) return undefined;
    opening ??= open(settings);
    return opening;
  }

  async function greylist(question: GreylistQuestion): Promise<GreylistAnswer> {
    const store = await storeThere();
    if (store === undefined) return decideGreylist(noRows, question).answer;
    const [triplet, address] = await Promise.all([store.triplet(question), store.address(question.autoWhitelist.address)]);
    return decideGreylist({ triplet, address }, question).answer;
  }

  return {
    state: {
      greylist,
      throttle: (question) => counters.throttle(question),
      giveBack: (question) => counters.giveBack(question),
      remember: () => undefined,
      areCorrespondents: async (question) => (await (await storeThere())?.areCorrespondents(question)) ?? false,
    },
    async release() {
      await (await opening)?.close();
    },
  };
}
