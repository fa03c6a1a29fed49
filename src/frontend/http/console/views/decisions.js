/** Decisions as they are made, or those of days. */
/** @import {KeptDecision} from "../../api.ts" */
import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { withQuery } from "../api.js";
import { Choice, Empty, Field, Filters } from "../parts.js";
import { ask, linkTo } from "../place.js";
import { plural, span } from "../words.js";
import { DecisionList, few, many } from "./decision-list.js";
import { Earlier, useKeepSeconds, When } from "./earlier.js";

const verdicts = /** @type {const} */ ([
  ["", "any"],
  ["not-pass", "all but pass"],
  ["pass", "pass"],
  ["reject", "reject"],
  ["defer", "defer"],
  ["disconnect", "disconnect"],
]);

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Decisions({ query }) {
  const { from = "", to = "", client = "", reason = "", exclude = "", verdict = "", "not-pass": notPass = "", all = "" } = query;
  const { earlier = "", since = "", until = "" } = query;
  const limit = all === "" ? few : many;
  const filter = { from, to, client, reason, exclude, verdict, "not-pass": notPass };
  const isFiltered = Object.values(filter).some((value) => value !== "");
  const isEarlier = earlier === "1";
  const change = (/** @type {Readonly<Record<string, string>>} */ changed) => ask("decisions", { ...query, ...changed });
  const field = (/** @type {keyof typeof filter} */ name, /** @type {string} */ label, placeholder = "") =>
    html`<${Field} label=${label} value=${filter[name]} placeholder=${placeholder} onValue=${(/** @type {string} */ value) => change({ [name]: value })} />`;
  const more = limit === few ? () => change({ all: "1" }) : undefined;
  const path = isEarlier ? "/api/decisions/archive" : "/api/decisions";
  const asked = withQuery(path, { ...filter, ...(isEarlier && { since, until }), limit: String(limit) });
  return html`
    <${Filters} isUsed=${isFiltered || isEarlier}>
      ${field("from", "From")} ${field("to", "To")} ${field("client", "Client", "address or name")}
      ${field("reason", "Reason", "greylisted")}
      <${Choice} label="Verdict" value=${notPass === "1" ? "not-pass" : verdict} options=${verdicts}
        onValue=${(/** @type {string} */ value) => change(value === "not-pass" ? { verdict: "", "not-pass": "1" } : { verdict: value, "not-pass": "" })} />
      ${field("exclude", "Not with")}
      <${When} query=${query} change=${change} />
    </${Filters}>
    ${
      isEarlier
        ? html`<${Earlier} path=${asked} limit=${limit} onMore=${more} />`
        : html`<${Live} path=${asked} limit=${limit} isFiltered=${isFiltered} earlier=${linkTo("decisions", { ...query, earlier: "1" })} onMore=${more} />`
    }
  `;
}

/** @param {{path: string, limit: number, isFiltered: boolean, earlier: string, onMore: (() => void) | undefined}} properties */
function Live({ path, limit, isFiltered, earlier, onMore }) {
  const [isPaused, setPaused] = useState(false);
  const { shown, held, missed, state } = useDecisions(path, limit, isPaused);
  return html`
    <div class="bar">
      <button aria-pressed=${isPaused} aria-keyshortcuts="p" id="pause" onClick=${() => setPaused(!isPaused)}>${isPaused ? "Go on" : "Pause"}</button>
      ${isFiltered && html`<a class="button" href="#/decisions">Clear filters</a>`}
      <p role="status">
        <span class="light ${state === "open" && !isPaused ? "on" : ""}"></span>
        ${state === "closed" ? "Not connected; trying again" : isPaused ? `Paused, ${plural(held, "new one", "new ones")}` : "Live"}
        ${missed > 0 && `, ${plural(missed, "decision")} left out since they came too fast`}
      </p>
    </div>
    ${
      shown.length === 0
        ? html`<${Nothing} isFiltered=${isFiltered} isOpen=${state === "open"} />`
        : html`<${DecisionList} decisions=${shown} onMore=${shown.length >= few ? onMore : undefined} />`
    }
    ${isFiltered && state === "open" && shown.length < limit && html`<${Further} earlier=${earlier} />`}
  `;
}

/**
 * What a search of the live decisions does not reach.
 * @param {{earlier: string}} properties
 */
function Further({ earlier }) {
  const keepSeconds = useKeepSeconds();
  if (keepSeconds !== null)
    return html`<p class="note">These are among the last 10,000 decisions. <a href=${earlier}>Search those of the last ${span(keepSeconds)}</a>.</p>`;
  return html`<p class="note">These are among the last 10,000 decisions; earlier ones are searched where <code>decisions.keep</code> is set.</p>`;
}

/** @param {{isFiltered: boolean, isOpen: boolean}} properties */
function Nothing({ isFiltered, isOpen }) {
  if (!isOpen) return html`<p class="note">Connecting…</p>`;
  if (isFiltered)
    return html`<${Empty} title="No decision matches"><p>Those that follow are shown here. <a href="#/decisions">Show all</a>.</p></${Empty}>`;
  return html`
    <${Empty} title="No decisions yet">
      <p>Is Postern called? <a href="#/calls">See what the listeners have got</a>, or <a href="#/explain">ask what it would say</a>.</p>
    </${Empty}>
  `;
}

/**
 * The newest first.
 * @param {string} path
 * @param {number} limit
 * @param {boolean} isPaused
 */
function useDecisions(path, limit, isPaused) {
  const [state, setState] = useState(/** @type {"opening" | "open" | "closed"} */ ("opening"));
  const [all, setAll] = useState(/** @type {readonly KeptDecision[]} */ ([]));
  const [missed, setMissed] = useState(0);
  const paused = useRef(/** @type {readonly KeptDecision[] | undefined} */ (undefined));
  useEffect(() => {
    /** @type {KeptDecision[]} */
    let fresh = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let drawing;
    setState("opening");
    setAll([]);
    setMissed(0);
    const source = new EventSource(path);
    // They may come by the hundred; a page is drawn for all of them.
    const take = () => {
      drawing = undefined;
      const taken = fresh;
      fresh = [];
      setAll((before) => newestFirst(before, taken, limit));
    };
    source.onmessage = ({ data }) => {
      fresh.push(JSON.parse(data));
      if (fresh.length > limit) fresh.shift();
      drawing ??= setTimeout(take, 100);
    };
    source.addEventListener("missed", ({ data }) => setMissed((before) => before + Number(data)));
    source.onopen = () => setState("open");
    source.onerror = () => setState("closed");
    return () => {
      source.close();
      clearTimeout(drawing);
    };
  }, [path, limit]);
  if (!isPaused) paused.current = undefined;
  else paused.current ??= all;
  const shown = paused.current ?? all;
  const held = isPaused ? all.findIndex(({ id }) => id === shown[0]?.id) : 0;
  return { shown, held: held < 0 ? all.length : held, missed, state };
}

/**
 * What is known already comes again after a connection was lost.
 * @param {readonly KeptDecision[]} before
 * @param {readonly KeptDecision[]} taken Oldest first.
 * @param {number} limit
 */
function newestFirst(before, taken, limit) {
  const known = new Set(before.map(({ id }) => id));
  const fresh = taken.filter(({ id }) => !known.has(id)).reverse();
  return [...fresh, ...before].slice(0, limit);
}
