/** Decisions one below the other, the newest first; each opens with its whole trace. */
/** @import {KeptDecision} from "../../api.ts" */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { Text, Time, Verdict } from "../parts.js";
import { DecisionDialog } from "./decision.js";

/** How many are shown at first, and when somebody wants more. */
export const few = 200;
export const many = 2000;

/** @param {{decisions: readonly KeptDecision[], onMore: (() => void) | undefined}} properties */
export function DecisionList({ decisions, onMore }) {
  const [chosen, setChosen] = useState(/** @type {KeptDecision | undefined} */ (undefined));
  return html`
    <div class="decisions">
      <div class="row head" aria-hidden="true"><span>Time</span><span>Verdict</span><span>From, to</span><span>Client</span></div>
      <ol>${decisions.map((decision) => html`<li key=${decision.id + decision.time}><${Row} decision=${decision} onChoose=${setChosen} /></li>`)}</ol>
      ${onMore && html`<p><button onClick=${onMore}>Show more</button></p>`}
    </div>
    ${chosen && html`<${DecisionDialog} decision=${chosen} onClose=${() => setChosen(undefined)} />`}
  `;
}

/** @param {{decision: KeptDecision, onChoose: (decision: KeptDecision) => void}} properties */
function Row({ decision, onChoose }) {
  const { time, stage, verdict, would, reason, sender, recipient, client, clientName, helo, resolved } = decision;
  const isTold = stage !== "connect" && stage !== "ehlo";
  return html`
    <button class="row" onClick=${() => onChoose(decision)}>
      <${Time} time=${time} />
      <span class="what"><${Verdict} verdict=${verdict} would=${would} /> <span class="reason">${reason}</span></span>
      <span class="who">
        ${isTold ? html`<${Text}>${sender === "" ? "<>" : sender}</${Text}>` : html`<span class="text"><span class="note">${stage}</span> <${Text}>${helo}</${Text}></span>`}
        ${recipient !== "" && html`<${Text} class="to">${recipient}</${Text}>`}
        ${resolved.length > 0 && resolved[0] !== recipient && html`<${Text} class="note to">${resolved.join(", ")}</${Text}>`}
      </span>
      <span class="client"><${Text}>${client}</${Text}> <${Text} class="note">${clientName === "" || clientName === "unknown" ? helo : clientName}</${Text}></span>
    </button>
  `;
}
