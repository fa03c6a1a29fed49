/** An SMTP session as `explain` plays it: each command, its reply, and what was asked for it. */
/** @import {PlayedSession, Step} from "../../explain/play.ts" */
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { post } from "./api.js";
import { Empty, Problem, Text, Verdict } from "./parts.js";
import { meaningOf } from "./reasons.js";

/** @param {{played: PlayedSession}} properties */
export function Trace({ played }) {
  const [answer, setAnswer] = useState(/** @type {{steps?: readonly Step[], error?: string}} */ ({}));
  const asked = JSON.stringify(played);
  useEffect(() => {
    let isCurrent = true;
    const show = (/** @type {{steps?: readonly Step[], error?: string}} */ next) => isCurrent && setAnswer(next);
    post("/api/explain", JSON.parse(asked)).then(show, (error) => show({ error: error.message }));
    return () => {
      isCurrent = false;
    };
  }, [asked]);
  const { steps, error } = answer;
  if (error !== undefined) return html`<${Problem} error=${error} />`;
  if (steps === undefined) return html`<p class="note">Asking…</p>`;
  if (steps.length === 0)
    return html`<${Empty} title="Nothing to decide"><p>Give an EHLO name, a sender or a recipient: these are what stages decide.</p></${Empty}>`;
  return html`<ol class="steps">${steps.map((step, index) => html`<${StepView} key=${index} step=${step} />`)}</ol>`;
}

/** @param {{step: Step}} properties */
function StepView({ step }) {
  const { stage, input, reply, reason, would, wouldReply, delayMs, sender, resolved = [], trace } = step;
  return html`
    <li class="step">
      <h3><span class="stage">${stage}</span> <${Text}>${input === "" ? "<>" : input}</${Text}> <${Verdict} verdict=${verdictOf(step)} would=${would} /></h3>
      ${(wouldReply ?? reply) !== null && html`<p class="reply">${wouldReply ?? reply}</p>`}
      <p><code class="reason">${reason}</code> ${meaningOf(reason)}</p>
      ${delayMs > 0 && html`<p class="note">The reply is held back for ${delayMs / 1000} s.</p>`}
      ${sender !== undefined && html`<p class="note">The sender is <${Text}>${sender === "" ? "<>" : sender}</${Text}> from now on.</p>`}
      ${resolved.length > 0 && html`<p class="note">Goes to <${Text}>${resolved.join(", ")}</${Text}></p>`}
      ${
        trace.length > 0 &&
        html`
          <ul class="trace" aria-label="What was asked">
            ${trace.map((entry, index) => html`<li key=${index}><b>${entry.step}</b> <${Text}>${entry.asked}</${Text}> <${Text} class="answer">${entry.answer}</${Text}></li>`)}
          </ul>
        `
      }
    </li>
  `;
}

/** @param {Step} step */
function verdictOf({ reply, disconnect, would }) {
  if (would !== undefined || reply === null || reply.startsWith("2")) return "pass";
  if (disconnect) return "disconnect";
  return reply.startsWith("4") ? "defer" : "reject";
}
