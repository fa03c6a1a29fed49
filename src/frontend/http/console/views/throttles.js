/** Throttles near their limit or all, and how to reset one. */
/** @import {ThrottleCounter} from "../../api.ts" */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { post, withQuery } from "../api.js";
import { Choice, Confirm, Empty, Problem, Said, Share, Table, Text, Time } from "../parts.js";
import { ask } from "../place.js";
import { useAction, useAnswer } from "../use-answer.js";
import { number, span } from "../words.js";

const which = /** @type {const} */ ([
  ["", "near their limit"],
  ["1", "all"],
]);

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Throttles({ query: { all = "" } }) {
  const { value, error, again } = useAnswer(withQuery("/api/throttles", { near: all === "" ? "1" : "" }), 10);
  const action = useAction();
  const [asking, setAsking] = useState(/** @type {ThrottleCounter | undefined} */ (undefined));
  const reset = (/** @type {ThrottleCounter} */ { name, key }) =>
    action.run(async () => {
      const { done } = await post("/api/throttles/reset", { name, key });
      again();
      return done ? `Reset: ${key} counts from zero.` : "It counted nothing any more.";
    });
  /** @type {readonly ThrottleCounter[] | undefined} */
  const throttles = value?.throttles;
  return html`
    <form class="filters"><${Choice} label="Show" value=${all} options=${which} onValue=${(/** @type {string} */ value) => ask("throttles", { all: value })} /></form>
    <${Problem} error=${error} />
    <${Said} action=${action} />
    ${
      throttles &&
      (throttles.length === 0
        ? html`<${Nothing} isAll=${all !== ""} />`
        : html`<${Table} caption="Throttles" columns=${["Throttle", "Key", "Count", "Per", "Since", ""]} rows=${throttles.map((one) => rowOf(one, setAsking))} />`)
    }
    ${
      asking &&
      html`
        <${Confirm} title="Reset this throttle?" does="Reset" onYes=${() => reset(asking)} onClose=${() => setAsking(undefined)}>
          <p><${Text}>${asking.name}</${Text}> counts <${Text}>${asking.key}</${Text}> from zero again.</p>
        </${Confirm}>
      `
    }
  `;
}

/**
 * @param {ThrottleCounter} counter
 * @param {(counter: ThrottleCounter) => void} onAsk
 */
function rowOf(counter, onAsk) {
  const { name, key, count, limit, periodSeconds, since } = counter;
  return {
    key: JSON.stringify([name, key]),
    cells: [
      html`<${Text}>${name}</${Text}>`,
      html`<${Text}>${key}</${Text}>`,
      html`<span class="gauge ${count >= limit ? "bad" : ""}">${number(count)} of ${number(limit)} <${Share} count=${count} of=${limit} /></span>`,
      span(periodSeconds),
      html`<${Time} time=${since} ago />`,
      html`<span class="buttons"><button onClick=${() => onAsk(counter)}>Reset</button></span>`,
    ],
  };
}

/** @param {{isAll: boolean}} properties */
function Nothing({ isAll }) {
  return isAll
    ? html`<${Empty} title="Nothing is counted"><p>Throttles are in <code>[[session.throttle]]</code> of <a href="#/configuration">the configuration</a>.</p></${Empty}>`
    : html`<${Empty} title="None is near its limit"><p><a href="#/throttles?all=1">Show all that count</a>.</p></${Empty}>`;
}
