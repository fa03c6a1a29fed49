/** The sources that are asked: up, slow, failing. */
/** @import {SourceStatus} from "../../api.ts" */
import { html } from "htm/preact";
import { Empty, Problem, Table, Text, Time } from "../parts.js";
import { useAnswer } from "../use-answer.js";
import { latency, number } from "../words.js";

/** A mean above it is slow: an MTA waits for each answer. */
const slowSeconds = 0.5;

export function Sources() {
  const { value, error } = useAnswer("/status", 5);
  /** @type {readonly SourceStatus[] | undefined} */
  const sources = value?.sources;
  return html`
    <${Problem} error=${error} />
    ${
      sources &&
      (sources.length === 0
        ? html`<${Empty} title="No sources"><p>Directories, lists and stores that have to be waited for are shown here. What is in memory is not.</p></${Empty}>`
        : html`<${Table} caption="Sources" columns=${["Source", "State", "Questions", "Failures", "Mean", "Longest", "Last failure"]}
            rows=${[...sources].sort(worstFirst).map(rowOf)} />`)
    }
  `;
}

/** @param {SourceStatus} source */
function stateOf({ up, meanSeconds }) {
  if (!up) return "down";
  return meanSeconds !== null && meanSeconds > slowSeconds ? "slow" : "up";
}

const order = ["down", "slow", "up"];

/**
 * @param {SourceStatus} a
 * @param {SourceStatus} b
 */
function worstFirst(a, b) {
  return order.indexOf(stateOf(a)) - order.indexOf(stateOf(b));
}

/** @param {SourceStatus} source */
function rowOf(source) {
  const { name, since, questions, failures, meanSeconds, maxSeconds, lastFailure } = source;
  const state = stateOf(source);
  return {
    key: name,
    cells: [
      html`<b><${Text}>${name}</${Text}></b>`,
      html`<span class="verdict ${{ down: "reject", slow: "defer", up: "pass" }[state]}">${state}</span>${since !== null && html` since <${Time} time=${since} />`}`,
      number(questions),
      number(failures),
      meanSeconds === null ? "–" : latency(meanSeconds),
      maxSeconds === null ? "–" : latency(maxSeconds),
      lastFailure === null ? "none" : html`<${Time} time=${lastFailure.time} />: <${Text}>${lastFailure.error}</${Text}>`,
    ],
  };
}
