/** The configuration as it was understood, defaults included; what is in shadow mode and what is enforced. */
/** @import {ConfigurationInfo} from "../../api.ts" */
import { html } from "htm/preact";
import { Field, Mode, Problem, Text, Time } from "../parts.js";
import { ask } from "../place.js";
import { useAnswer } from "../use-answer.js";

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Configuration({ query: { find = "" } }) {
  const { value, error } = useAnswer("/api/configuration", 30);
  return html`<${Problem} error=${error} />${value && html`<${Understood} info=${value} find=${find} />`}`;
}

/** @param {{info: ConfigurationInfo, find: string}} properties */
function Understood({ info: { file, loaded, text, warnings, modes }, find }) {
  const tables = tablesOf(text, find.toLowerCase());
  return html`
    <p class="lead"><${Text}>${file}</${Text}>, loaded <${Time} time=${loaded} ago />. Secrets are masked.</p>
    <dl class="facts modes">${modes.map(({ what, mode }) => html`<div key=${what}><dt><${Text}>${what}</${Text}></dt><dd><${Mode} mode=${mode} /></dd></div>`)}</dl>
    ${warnings.length > 0 && html`<h2>Warnings</h2><ul class="warnings">${warnings.map((warning) => html`<li key=${warning}><${Text}>${warning}</${Text}></li>`)}</ul>`}
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Field} label="Find" value=${find} placeholder="a key or a value" onValue=${(/** @type {string} */ value) => ask("configuration", { find: value })} />
    </form>
    ${
      tables.length === 0
        ? html`<p class="note">No line has that.</p>`
        : html`<pre class="toml" tabindex="0">${tables.flatMap((table) => table.map((line) => html`<${Line} line=${line} />`))}</pre>`
    }
  `;
}

/** @param {{line: string}} properties */
function Line({ line }) {
  const kind = /^\s*\[/.test(line) ? "table" : /^\s*#/.test(line) ? "note" : /^\s*mode = "shadow"/.test(line) ? "shadow" : "";
  return html`<span class=${kind}>${`${line}\n`}</span>`;
}

/**
 * The lines of each table: its head, and those that hold the text.
 * @param {string} text
 * @param {string} part
 */
function tablesOf(text, part) {
  /** @type {string[][]} */
  const tables = [[]];
  for (const line of text.trimEnd().split("\n")) {
    if (line.startsWith("[")) tables.push([]);
    tables.at(-1)?.push(line);
  }
  if (part === "") return tables;
  return tables
    .map(([head = "", ...lines]) => {
      if (head.toLowerCase().includes(part)) return [head, ...lines];
      const found = lines.filter((line) => line.toLowerCase().includes(part));
      return found.length === 0 ? [] : [head, ...found, ""];
    })
    .filter((lines) => lines.length > 0);
}
