/** Who waits in the greylist and since when; allow now and forget; what became of attempts over the last day. */
/** @import {GreylistPage, GreylistRecord, Series, Status} from "../../api.ts" */
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { get, post, withQuery } from "../api.js";
import { Choice, Confirm, Empty, Field, Filters, Problem, Said, Table, Text, Time } from "../parts.js";
import { ask } from "../place.js";
import { Plot } from "../plot.js";
import { messageOf, useAction, useAnswer } from "../use-answer.js";
import { number } from "../words.js";

const states = /** @type {const} */ ([
  ["", "all"],
  ["waiting", "waiting"],
  ["passed", "passed"],
]);

const lines = /** @type {const} */ ([
  { name: "new", label: "First attempt", colour: "--defer" },
  { name: "early", label: "Too soon", colour: "--reject" },
  { name: "passed", label: "Passed", colour: "--accent" },
  { name: "known", label: "Known", colour: "--pass" },
]);

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Greylist({ query }) {
  const { client = "", sender = "", recipient = "", state = "" } = query;
  const filter = { client, sender, recipient, state };
  const isFiltered = Object.values(filter).some((value) => value !== "");
  const status = useAnswer("/status", 30);
  const series = useAnswer("/api/series", 60);
  const { pages, error, more, again } = usePages(withQuery("/api/greylist", filter));
  const action = useAction();
  const [asking, setAsking] = useState(/** @type {{does: "allow" | "forget", entry: GreylistRecord} | undefined} */ (undefined));
  const change = (/** @type {Readonly<Record<string, string>>} */ changed) => ask("greylist", { ...query, ...changed });
  const field = (/** @type {"client" | "sender" | "recipient"} */ name, /** @type {string} */ label) =>
    html`<${Field} label=${label} value=${filter[name]} onValue=${(/** @type {string} */ value) => change({ [name]: value })} />`;
  const carryOut = (/** @type {"allow" | "forget"} */ does, /** @type {GreylistRecord} */ { client, sender, recipient }) =>
    action.run(async () => {
      const { done } = await post(`/api/greylist/${does}`, { client, sender, recipient });
      again();
      if (!done) return "There is no such entry any more.";
      return does === "allow"
        ? `Allowed: mail from ${sender || "<>"} to ${recipient} passes.`
        : "Forgotten: the next attempt is a first one.";
    });
  const entries = pages.flatMap((page) => page.entries);
  const next = pages.at(-1)?.next ?? null;
  return html`
    <${Funnel} status=${status.value} series=${series.value} />
    <${Filters} isUsed=${isFiltered}>
      ${field("client", "Client")} ${field("sender", "From")} ${field("recipient", "To")}
      <${Choice} label="State" value=${state} options=${states} onValue=${(/** @type {string} */ value) => change({ state: value })} />
    </${Filters}>
    <${Problem} error=${error} />
    <${Said} action=${action} />
    ${
      pages.length > 0 && entries.length === 0
        ? html`<${Nothing} isFiltered=${isFiltered} />`
        : html`<${Table} caption="Entries" columns=${["State", "From, to", "Client", "Since", "Last seen", "Until", ""]}
            rows=${entries.map((entry) => rowOf(entry, (does) => setAsking({ does, entry })))} />`
    }
    ${next !== null && html`<p><button onClick=${() => more(next)}>Show more</button></p>`}
    ${asking && html`<${Question} ...${asking} onYes=${() => carryOut(asking.does, asking.entry)} onClose=${() => setAsking(undefined)} />`}
  `;
}

/**
 * @param {GreylistRecord} entry
 * @param {(does: "allow" | "forget") => void} onAsk
 */
function rowOf(entry, onAsk) {
  const { state, client, sender, recipient, firstSeen, lastSeen, expires } = entry;
  const isOver = expires !== null && Date.parse(expires) < Date.now();
  const text = (/** @type {string} */ value, name = "") => html`<${Text} class=${name}>${value}</${Text}>`;
  return {
    key: JSON.stringify([client, sender, recipient]),
    cells: [
      html`<span class="verdict ${state === "waiting" ? "defer" : "pass"}">${isOver ? "expired" : state}</span>`,
      html`${text(sender === "" ? "<>" : sender)}<br />${text(recipient, "to")}`,
      text(client),
      html`<${Time} time=${firstSeen} ago />`,
      html`<${Time} time=${lastSeen} ago />`,
      expires === null ? "for good" : html`<${Time} time=${expires} />`,
      html`<span class="buttons">
        ${state !== "allowed" && html`<button onClick=${() => onAsk("allow")}>Allow now</button>`}
        <button onClick=${() => onAsk("forget")}>Forget</button>
      </span>`,
    ],
  };
}

/** @param {{does: "allow" | "forget", entry: GreylistRecord, onYes: () => void, onClose: () => void}} properties */
function Question({ does, entry: { client, sender, recipient }, onYes, onClose }) {
  const isAllow = does === "allow";
  return html`
    <${Confirm} title=${isAllow ? "Allow now?" : "Forget this entry?"} does=${isAllow ? "Allow now" : "Forget"} onYes=${onYes} onClose=${onClose}>
      <p>From <${Text}>${sender || "<>"}</${Text}> to <${Text}>${recipient}</${Text}>, sent by <${Text}>${client}</${Text}>.</p>
      <p class="note">${isAllow ? "It passes from now on, until it is forgotten." : "Its next attempt is greylisted as a first one."}</p>
    </${Confirm}>
  `;
}

/** @param {{status: Status | undefined, series: Series | undefined}} properties */
function Funnel({ status, series }) {
  const entries = status?.greylist.entries;
  if (entries === null)
    return html`<${Empty} title="No greylist"><p>It is off, or its store cannot tell; see <a href="#/sources">sources</a>. <code>session.rcpt.greylist.enable</code> turns it on.</p></${Empty}>`;
  return html`
    <dl class="numbers">
      <div><dt>Waiting</dt><dd>${entries ? number(entries.waiting) : "–"}</dd></div>
      <div><dt>Passed</dt><dd>${entries ? number(entries.passed) : "–"}</dd></div>
      <div><dt>Clients known</dt><dd>${entries ? number(entries.addresses) : "–"}</dd></div>
    </dl>
    ${(series === undefined || series.times.length > 1) && html`<${Plot} label="Attempts over the last day" series=${series} lines=${lines} />`}
  `;
}

/** @param {{isFiltered: boolean}} properties */
function Nothing({ isFiltered }) {
  return isFiltered
    ? html`<${Empty} title="No entry matches"><p><a href="#/greylist">Show all</a>.</p></${Empty}>`
    : html`<${Empty} title="Nobody waits"><p>An entry is made when an unknown client first sends to somebody.</p></${Empty}>`;
}

/** @param {string} path */
function usePages(path) {
  const first = useAnswer(path);
  const [later, setLater] = useState(
    /** @type {{of: GreylistPage | undefined, pages: readonly GreylistPage[]}} */ ({ of: undefined, pages: [] }),
  );
  const [error, setError] = useState(/** @type {string | undefined} */ (undefined));
  useEffect(() => setError(undefined), [path]);
  /** @type {readonly GreylistPage[]} */
  const pages = first.value === undefined ? [] : later.of === first.value ? [first.value, ...later.pages] : [first.value];
  const more = async (/** @type {string} */ after) => {
    try {
      const page = await get(`${path}${path.includes("?") ? "&" : "?"}${new URLSearchParams({ after })}`);
      setLater({ of: first.value, pages: [...pages.slice(1), page] });
    } catch (failed) {
      setError(messageOf(failed));
    }
  };
  return { pages, error: first.error ?? error, more, again: first.again };
}
