/** The console: its frame, its ten views and its keys. */
/** @import {SessionInfo} from "../api.ts" */
import { html, render } from "htm/preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { post, sessionInfo } from "./api.js";
import { Dialog, Mode, Problem, Text } from "./parts.js";
import { linkTo, usePlace } from "./place.js";
import { Address } from "./views/address.js";
import { Calls } from "./views/calls.js";
import { Configuration } from "./views/configuration.js";
import { Decisions } from "./views/decisions.js";
import { Explain } from "./views/explain.js";
import { Greylist } from "./views/greylist.js";
import { Refused } from "./views/refused.js";
import { Sources } from "./views/sources.js";
import { Throttles } from "./views/throttles.js";

/** Each has the key that is its place. */
const views = [
  { name: "decisions", title: "Decisions", view: Decisions },
  { name: "explain", title: "Explain", view: Explain },
  { name: "greylist", title: "Greylist", view: Greylist },
  { name: "refused", title: "Refused", view: Refused },
  { name: "throttles", title: "Throttles", view: Throttles },
  { name: "calls", title: "Is it called?", view: Calls },
  { name: "sources", title: "Sources", view: Sources },
  { name: "address", title: "Address", view: Address },
  { name: "configuration", title: "Configuration", view: Configuration },
];

const keys = /** @type {const} */ ([
  ["1 – 9", "go to a view"],
  ["/", "to the first field"],
  ["j, k", "next and previous decision"],
  ["Enter", "open it"],
  ["p", "pause and go on"],
  ["Esc", "close"],
  ["?", "these keys"],
]);

function Console() {
  const { view: name, query } = usePlace();
  const { view: View, title } = views.find((one) => one.name === name) ?? /** @type {typeof views[0]} */ (views[0]);
  const [session, setSession] = useState(/** @type {SessionInfo | undefined} */ (undefined));
  const [error, setError] = useState(/** @type {string | undefined} */ (undefined));
  const [showsKeys, setShowsKeys] = useState(false);
  useEffect(() => void sessionInfo().then(setSession, (failed) => setError(failed.message)), []);
  useLayoutEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => onShortcut(event, () => setShowsKeys(true));
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    document.title = session === undefined ? `${title} – Postern` : `${title} – Postern on ${session.hostname}`;
  }, [title, session]);
  // On a phone the views are in one line.
  useEffect(() => element("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [title]);
  const logOut = () => post("/logout", {}).finally(() => location.reload());
  return html`
    <a class="skip" href="#main" onClick=${toMain}>To the content</a>
    <header class="top-bar">
      <a class="name" href="#/decisions"><img src="icon.svg" alt="" width="22" height="22" /> Postern</a>
      ${session && html`<${Text} class="host">${session.hostname}</${Text}><${Mode} mode=${session.mode} />`}
      <button class="quiet" aria-label="Keys" aria-keyshortcuts="?" onClick=${() => setShowsKeys(true)}>?</button>
      ${session?.needsToken && html`<button class="quiet" onClick=${logOut}>Log out</button>`}
    </header>
    <nav aria-label="Views">
      ${views.map((one) => html`<a key=${one.name} href=${linkTo(one.name)} aria-current=${one.view === View ? "page" : undefined}>${one.title}</a>`)}
    </nav>
    <main id="main" tabindex="-1">
      <h1>${title}</h1>
      <${Problem} error=${error} />
      <${View} key=${title} query=${query} />
    </main>
    ${
      showsKeys &&
      html`
        <${Dialog} title="Keys" onClose=${() => setShowsKeys(false)}>
          <dl class="keys">${keys.map(([key, does]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}</dl>
        </${Dialog}>
      `
    }
  `;
}

/** @param {Event} event */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/**
 * Not while somebody writes, nor in a dialog.
 * @param {KeyboardEvent} event
 * @param {() => void} showKeys
 */
function onShortcut(event, showKeys) {
  const { target, key, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || document.querySelector("dialog[open]") !== null) return;
  if (target instanceof Element && target.matches("input, select, textarea")) {
    if (key === "Escape" && target instanceof HTMLElement) target.blur();
    return;
  }
  const view = /^[1-9]$/.test(key) ? views[Number(key) - 1] : undefined;
  if (view !== undefined) location.hash = linkTo(view.name);
  else if (key === "/") toField();
  else if (key === "p") element("#pause")?.click();
  else if (key === "j" || key === "k") moveRow(key === "j" ? 1 : -1);
  else if (key === "?") showKeys();
  else return;
  event.preventDefault();
}

function toField() {
  element("main details")?.setAttribute("open", "");
  element("main input, main select, main textarea")?.focus();
}

/** @param {string} selector */
function element(selector) {
  return /** @type {HTMLElement | null} */ (document.querySelector(selector));
}

/** @param {1 | -1} by */
function moveRow(by) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("button.row")]);
  const now = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  rows[now < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, now + by))]?.focus();
}

render(html`<${Console} />`, document.body);
