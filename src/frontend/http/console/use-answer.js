/** What the API says, as a view shows it: the last answer, why there is none, and when it is asked again. */
import { useEffect, useState } from "preact/hooks";
import { get } from "./api.js";

/**
 * Keeps the answer before until the next one is there. It is `any`: the path says which of the answers in api.ts it is, and the view its type.
 * @param {string | undefined} path `undefined`: nothing is asked.
 * @param {number} [everySeconds] While somebody looks at the page. Left out: once.
 * @returns {{value: any, error: string | undefined, again: () => void}}
 */
export function useAnswer(path, everySeconds) {
  const [answer, setAnswer] = useState(/** @type {{value?: any, error?: string}} */ ({}));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    let isCurrent = true;
    const load = async () => {
      try {
        const value = await get(path);
        if (isCurrent) setAnswer({ value });
      } catch (error) {
        if (isCurrent) setAnswer(({ value }) => ({ value, error: messageOf(error) }));
      }
    };
    load();
    const timer = everySeconds === undefined ? undefined : setInterval(() => document.hidden || load(), everySeconds * 1000);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [path, everySeconds, turn]);
  return { value: answer.value, error: answer.error, again: () => setTurn((before) => before + 1) };
}

/**
 * Something that is done when somebody wants it, and what came of it.
 * @returns {{said: string | undefined, isBad: boolean, run: (action: () => Promise<string>) => Promise<void>}}
 */
export function useAction() {
  const [result, setResult] = useState(/** @type {{said?: string, isBad?: boolean}} */ ({}));
  return {
    said: result.said,
    isBad: result.isBad ?? false,
    run: async (action) => {
      try {
        setResult({ said: await action() });
      } catch (error) {
        setResult({ said: messageOf(error), isBad: true });
      }
    },
  };
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
