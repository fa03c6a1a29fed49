/** What several views are made of. */
/** @import {ComponentChildren} from "preact" */
import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { clock, since } from "./words.js";

/** With them a line reads differently from what it says (UAX #9, directional formatting characters). */
const directional = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * What a stranger may have written.
 * @param {{class?: string, children: string}} properties
 */
export function Text({ class: name = "", children }) {
  const shown = children.replace(directional, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return html`<span class="text ${name}">${shown}</span>`;
}

/** @param {{time: string, ago?: boolean}} properties */
export function Time({ time, ago = false }) {
  return html`<time datetime=${time} title=${new Date(time).toLocaleString()}>${ago ? since(time) : clock(time)}</time>`;
}

/**
 * What was decided; in shadow mode what would have been.
 * @param {{verdict: string, would?: string | undefined}} properties
 */
export function Verdict({ verdict, would }) {
  const outcome = would ?? verdict;
  return html`<span class="verdict ${outcome}">${would === undefined ? outcome : `would ${outcome}`}</span>`;
}

/** @param {{mode: string}} properties */
export function Mode({ mode }) {
  return html`<span class="mode ${mode}">${mode}</span>`;
}

/** @param {{title: string, children?: ComponentChildren}} properties */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

/** @param {{error: string | undefined}} properties */
export function Problem({ error }) {
  return error === undefined ? null : html`<p class="said bad" role="alert">${error}</p>`;
}

/** @param {{action: {said: string | undefined, isBad: boolean}}} properties */
export function Said({ action: { said, isBad } }) {
  return html`<p class="said ${isBad ? "bad" : ""}" role="status" hidden=${said === undefined}>${said}</p>`;
}

/**
 * Takes the keyboard until it is closed.
 * @param {{title: string, onClose: () => void, isWide?: boolean, children?: ComponentChildren}} properties
 */
export function Dialog({ title, onClose, isWide = false, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // At once: a key that comes before it is open is lost.
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    /** @type {HTMLElement | null | undefined} */ (dialog.current?.querySelector("button.main"))?.focus();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return html`
    <dialog ref=${dialog} class=${isWide ? "wide" : ""} aria-label=${title} onClose=${onClose}
      onClick=${(/** @type {Event} */ event) => event.target === dialog.current && onClose()}>
      <div class="page">
        <header><h2>${title}</h2><button class="quiet" aria-label="Close" onClick=${onClose}>✕</button></header>
        ${children}
      </div>
    </dialog>
  `;
}

/** @param {{title: string, does: string, onYes: () => void, onClose: () => void, children?: ComponentChildren}} properties */
export function Confirm({ title, does, onYes, onClose, children }) {
  const yes = () => {
    onClose();
    onYes();
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      ${children}
      <p class="buttons"><button class="main" onClick=${yes}>${does}</button><button onClick=${onClose}>Cancel</button></p>
    </${Dialog}>
  `;
}

/**
 * A bar.
 * @param {{count: number, of: number}} properties
 */
export function Share({ count, of }) {
  return html`<span class="share"><span style=${{ width: `${Math.min(100, (100 * count) / of)}%` }}></span></span>`;
}

/**
 * A table whose rows become cards where there is little room. A cell is a text or markup.
 * @param {{caption: string, columns: readonly string[], rows: readonly {key: string, cells: readonly any[]}[]}} properties
 */
export function Table({ caption, columns, rows }) {
  return html`
    <table>
      <caption>${caption}</caption>
      <thead><tr>${columns.map((column) => html`<th scope="col" key=${column}>${column}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(
          ({ key, cells }) => html`
            <tr key=${key}>${cells.map((cell, index) => html`<td key=${columns[index]} data-label=${columns[index]}>${cell}</td>`)}</tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

/**
 * Where there is little room they are folded away until somebody wants them.
 * @param {{isUsed: boolean, children?: ComponentChildren}} properties
 */
export function Filters({ isUsed, children }) {
  return html`
    <details class="folded" open=${isUsed || matchMedia("(min-width: 48rem)").matches}>
      <summary>Filters</summary>
      <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>${children}</form>
    </details>
  `;
}

/**
 * A part of what the view asks; it takes effect as somebody writes.
 * @param {{label: string, value: string, onValue: (value: string) => void, placeholder?: string}} properties
 */
export function Field({ label, value, onValue, placeholder = "" }) {
  const [text, setText] = useState(value);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const latest = useRef(onValue);
  latest.current = onValue;
  // What is being written is not taken back by what was written before.
  useEffect(() => {
    if (timer.current === undefined) setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (/** @type {Event} */ event) => {
    const written = /** @type {HTMLInputElement} */ (event.target).value;
    setText(written);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = undefined;
      latest.current(written.trim());
    }, 200);
  };
  return html`
    <label>
      <span>${label}</span>
      <input type="search" value=${text} placeholder=${placeholder} autocomplete="off" autocapitalize="none" spellcheck=${false} onInput=${onInput} />
    </label>
  `;
}

/** @param {{label: string, value: string, onValue: (value: string) => void, options: readonly (readonly [string, string])[]}} properties */
export function Choice({ label, value, onValue, options }) {
  return html`
    <label>
      <span>${label}</span>
      <select value=${value} onChange=${(/** @type {Event} */ event) => onValue(/** @type {HTMLSelectElement} */ (event.target).value)}>
        ${options.map(([option, text]) => html`<option key=${option} value=${option} selected=${option === value}>${text}</option>`)}
      </select>
    </label>
  `;
}
