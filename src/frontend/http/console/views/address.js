/** One address: which directory has it, where it leads, until when that is cached. */
/** @import {AddressInfo} from "../../api.ts" */
import { html } from "htm/preact";
import { withQuery } from "../api.js";
import { Problem, Text, Time, Verdict } from "../parts.js";
import { ask } from "../place.js";
import { meaningOf } from "../reasons.js";
import { useAnswer } from "../use-answer.js";

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Address({ query: { address = "" } }) {
  const onSubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    ask("address", { address: String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("address")).trim() });
  };
  return html`
    <p class="lead">What becomes of mail to an address, whoever sends it.</p>
    <form class="filters" key=${address} onSubmit=${onSubmit}>
      <label><span>Address</span><input name="address" inputmode="email" defaultValue=${address} required placeholder="somebody@example.org" autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
      <button class="main">Look up</button>
    </form>
    ${address !== "" && html`<${Found} key=${address} address=${address} />`}
  `;
}

/** @param {{address: string}} properties */
function Found({ address }) {
  const { value, error } = useAnswer(withQuery("/api/address", { address }));
  if (error !== undefined) return html`<${Problem} error=${error} />`;
  return value === undefined ? html`<p class="note">Asking…</p>` : html`<${Result} info=${value} />`;
}

/** @param {{info: AddressInfo}} properties */
function Result({ info: { address, directory, reply, reason, resolved, cachedUntil, trace } }) {
  const verdict = reply === null ? "pass" : reply.startsWith("4") ? "defer" : "reject";
  return html`
    <article class="step">
      <h3><${Text}>${address}</${Text}> <${Verdict} verdict=${verdict} /></h3>
      ${reply !== null && html`<p class="reply">${reply}</p>`}
      <p><code class="reason">${reason}</code> ${meaningOf(reason)}</p>
      <dl class="facts">
        <div><dt>Directory</dt><dd><${Text}>${directory ?? "none was asked"}</${Text}></dd></div>
        <div><dt>Goes to</dt><dd><${Text}>${resolved.length === 0 ? "nobody" : resolved.join(", ")}</${Text}></dd></div>
        <div><dt>Cached until</dt><dd>${cachedUntil === null ? "not cached" : html`<${Time} time=${cachedUntil} />`}</dd></div>
      </dl>
      <ul class="trace" aria-label="What was asked">
        ${trace.map((entry, index) => html`<li key=${index}><b>${entry.step}</b> <${Text}>${entry.asked}</${Text}> <${Text} class="answer">${entry.answer}</${Text}></li>`)}
      </ul>
    </article>
  `;
}
