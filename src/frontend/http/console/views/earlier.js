/** Decisions of days, as far as they are kept: searched piece by piece, the newest first, until there are enough. And how somebody chooses them. */
/** @import {KeptDecision} from "../../api.ts" */
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { get, sessionInfo } from "../api.js";
import { Choice, Empty, Problem, Time } from "../parts.js";
import { messageOf } from "../use-answer.js";
import { plural, span } from "../words.js";
import { DecisionList } from "./decision-list.js";

/** @param {{path: string, limit: number, onMore: (() => void) | undefined}} properties */
export function Earlier({ path, limit, onMore }) {
  const { decisions, reached, isSearching, error } = useSearch(path, limit);
  return html`
    <div class="bar">
      <a class="button" href="#/decisions">Back to those of now</a>
      <p role="status">
        <span class="light ${isSearching ? "on" : ""}"></span>
        ${isSearching ? "Searching" : `Found ${plural(decisions.length, "decision")}`}
        ${reached !== null && html`, back to <${Time} time=${reached} />`}
      </p>
    </div>
    <${Problem} error=${error} />
    ${
      decisions.length > 0
        ? html`<${DecisionList} decisions=${decisions} onMore=${!isSearching && reached !== null ? onMore : undefined} />`
        : !isSearching &&
          error === undefined &&
          html`<${Empty} title="No decision matches"><p>All that are kept were searched.</p></${Empty}>`
    }
  `;
}

/**
 * Nothing where decisions are not kept.
 * @param {{query: Readonly<Record<string, string>>, change: (changed: Readonly<Record<string, string>>) => void}} properties
 */
export function When({ query: { earlier = "", since = "", until = "" }, change }) {
  const keepSeconds = useKeepSeconds();
  return html`
    ${
      keepSeconds !== null &&
      html`<${Choice} label="When" value=${earlier} options=${[
        ["", "now"],
        ["1", `the last ${span(keepSeconds)}`],
      ]} onValue=${(/** @type {string} */ value) => change({ earlier: value, since: "", until: "" })} />`
    }
    ${
      earlier === "1" &&
      html`
        <${Moment} label="Since" value=${since} onValue=${(/** @type {string} */ value) => change({ since: value })} />
        <${Moment} label="Until" value=${until} onValue=${(/** @type {string} */ value) => change({ until: value })} />
      `
    }
  `;
}

/** @returns {number | null} How long decisions are kept; `null`: they are not, or it is not known yet. */
export function useKeepSeconds() {
  const [seconds, setSeconds] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    sessionInfo().then(
      ({ keepSeconds }) => setSeconds(keepSeconds),
      () => {},
    );
  }, []);
  return seconds;
}

/**
 * A time in the time zone of who looks; the value is that of RFC 3339, or "".
 * @param {{label: string, value: string, onValue: (value: string) => void}} properties
 */
function Moment({ label, value, onValue }) {
  const at = new Date(value);
  const local = Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const onChange = (/** @type {Event} */ event) => {
    const written = new Date(/** @type {HTMLInputElement} */ (event.target).value);
    onValue(Number.isNaN(written.getTime()) ? "" : written.toISOString());
  };
  return html`<label><span>${label}</span><input type="datetime-local" value=${local} onChange=${onChange} /></label>`;
}

/**
 * @param {string} path
 * @param {number} limit
 */
function useSearch(path, limit) {
  const [result, setResult] = useState(
    /** @type {{decisions: readonly KeptDecision[], reached: string | null, isSearching: boolean, error?: string}} */ (nothingYet),
  );
  useEffect(() => {
    let isCurrent = true;
    const search = async () => {
      /** @type {readonly KeptDecision[]} */
      let decisions = [];
      for (let after = ""; isCurrent; ) {
        const page = await get(after === "" ? path : `${path}&${new URLSearchParams({ after })}`);
        if (!isCurrent) return;
        decisions = [...decisions, ...page.decisions].slice(0, limit);
        const isSearching = page.next !== null && decisions.length < limit;
        setResult({ decisions, reached: page.reached, isSearching });
        if (!isSearching) return;
        after = page.next;
      }
    };
    setResult(nothingYet);
    search().catch((error) => isCurrent && setResult((before) => ({ ...before, isSearching: false, error: messageOf(error) })));
    return () => {
      isCurrent = false;
    };
  }, [path, limit]);
  return result;
}

const nothingYet = { decisions: [], reached: null, isSearching: true };
