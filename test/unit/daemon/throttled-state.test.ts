/** A throttle of whatever kind has the store that it counts in, and is among what is measured. */
import { expect, test } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { Observer } from "../../../src/daemon/observer.ts";
import { usesState } from "../../../src/daemon/state-settings.ts";
import { throttlesOf } from "../../../src/stage/stage-settings.ts";

test.each([
  ["connect", 'key = ["remote_ip"]'],
  ["mail", 'key = ["sender"]'],
  ["rcpt", 'key = ["rcpt"]'],
  ["errors", 'key = ["remote_ip"]\ncount = "errors"'],
] as const)("at %s", (stage, throttle) => {
  const text = `[[session.throttle]]\nname = "only"\nrate = "1/1h"\n${throttle}\n`;
  const { configuration } = parseConfiguration(text, "postern.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error("not loaded");
  expect(configuration.settings.throttles[stage]).toEqual(throttlesOf(configuration.settings));
  expect(usesState(configuration)).toBe(true);
  const observer = new Observer("", () => 0);
  observer.expect(configuration);
  const { throttles } = observer.observation({ connections: [], caches: [], heldReplies: 0, called: [] });
  expect(throttles).toEqual([{ name: "only", allowed: 0, refused: 0 }]);
});
