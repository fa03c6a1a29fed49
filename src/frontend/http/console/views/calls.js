/** Whether Postern is called, from where, and what is configured but can never happen. */
/** @import {ListenerStatus, Status} from "../../api.ts" */
import { html } from "htm/preact";
import { Mode, Problem, Table, Text, Time } from "../parts.js";
import { useAnswer } from "../use-answer.js";
import { number } from "../words.js";

export function Calls() {
  const { value, error } = useAnswer("/status", 5);
  return html`<${Problem} error=${error} />${value && html`<${Called} status=${value} />`}`;
}

/** @param {{status: Status}} properties */
function Called({ status }) {
  const { version, hostname, started, workers, readiness, configuration, listeners, unasked } = status;
  const silent = listeners.filter(({ protocol, decisions }) => protocol !== "http" && decisions === 0);
  return html`
    <p class="lead">
      Postern ${version} on <${Text}>${hostname}</${Text}>, started <${Time} time=${started} ago />${workers > 0 && `, ${number(workers)} workers`},
      in <${Mode} mode=${configuration.mode} /> mode. ${readiness.ready ? "Ready." : "Not ready:"}
    </p>
    ${!readiness.ready && html`<ul class="said bad">${readiness.reasons.map((reason) => html`<li key=${reason}><${Text}>${reason}</${Text}></li>`)}</ul>`}
    <${Table} caption="Listeners" columns=${["Listener", "Protocol", "At", "Mode", "Connections", "Decisions", "Stages", "Asked from", "Last decision"]} rows=${listeners.map(rowOf)} />
    ${
      silent.length > 0 &&
      html`
        <section>
          <h2>Not called yet</h2>
          <p>
            ${silent.map(({ name }) => name).join(", ")}: no request so far. Postfix calls a policy service from a restriction list
            (<code>check_policy_service</code>), a milter from <code>smtpd_milters</code>, a map from <code>socketmap:</code>; after a change, <code>postfix reload</code>.
          </p>
        </section>
      `
    }
    ${
      unasked.length > 0 &&
      html`
        <section>
          <h2>Never asked about</h2>
          <ul class="warnings">${unasked.map((problem) => html`<li key=${problem}><${Text}>${problem}</${Text}></li>`)}</ul>
        </section>
      `
    }
    <section>
      <h2>Warnings</h2>
      ${
        configuration.warnings.length === 0
          ? html`<p class="note">None.</p>`
          : html`<ul class="warnings">${configuration.warnings.map((warning) => html`<li key=${warning}><${Text}>${warning}</${Text}></li>`)}</ul>`
      }
    </section>
  `;
}

/** @param {ListenerStatus} listener */
function rowOf({ name, protocol, mta, addresses, mode, connections, decisions, stages, places, lastDecision }) {
  const isAsked = protocol !== "http";
  const counted = Object.entries(stages).map(([stage, count]) => `${stage} ${number(count)}`);
  return {
    key: name,
    cells: [
      html`<b><${Text}>${name}</${Text}></b>`,
      mta === null ? protocol : html`${protocol} <${Text} class="note">${mta}</${Text}>`,
      html`<${Text}>${addresses.join(", ")}</${Text}>`,
      isAsked ? html`<${Mode} mode=${mode} />` : "–",
      number(connections),
      isAsked ? number(decisions) : "–",
      counted.join(", ") || "–",
      places.map(({ place, count }) => `${place}: ${number(count)}`).join("; ") || "–",
      !isAsked ? "–" : lastDecision === null ? "never" : html`<${Time} time=${lastDecision} ago />`,
    ],
  };
}
