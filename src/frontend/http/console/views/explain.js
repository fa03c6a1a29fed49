/** What would become of a message: a form, and the session as the daemon decides it now. */
/** @import {ListenerStatus} from "../../api.ts" */
/** @import {PlayedSession} from "../../../explain/play.ts" */
import { html } from "htm/preact";
import { ask } from "../place.js";
import { Trace } from "../trace.js";
import { useAnswer } from "../use-answer.js";

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Explain({ query }) {
  const { value: status } = useAnswer("/status");
  const { listener = "", client = "", name = "", helo = "", auth = "", from = "", to = "", tls = "" } = query;
  const listeners = (status?.listeners ?? []).filter(
    (/** @type {ListenerStatus} */ { protocol }) => protocol === "policy" || protocol === "milter",
  );
  const onSubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    ask("explain", { ...Object.fromEntries([...data].map(([key, text]) => [key, String(text).trim()])), asked: String(Date.now()) });
  };
  const field = (/** @type {string} */ key, /** @type {string} */ label, /** @type {string} */ value, placeholder = "") => html`
    <label><span>${label}</span><input name=${key} defaultValue=${value} placeholder=${placeholder} autocomplete="off" autocapitalize="none" spellcheck=${false} /></label>
  `;
  const isAsked = Object.keys(query).length > 0;
  return html`
    <p class="lead">What Postern says to a client, command by command, and why. Nothing is counted, written or sent.</p>
    <form class="form" key=${JSON.stringify(query)} onSubmit=${onSubmit}>
      ${field("client", "Client address", client, "192.0.2.1")} ${field("name", "Client name", name, "mx.example.com")}
      ${field("helo", "EHLO name", helo, "mx.example.com")} ${field("auth", "Login", auth, "nobody")}
      ${field("from", "From", from, "empty: <>")}
      <label><span>To, one per line</span><textarea name="to" rows="2" autocomplete="off" autocapitalize="none" spellcheck=${false} defaultValue=${to}></textarea></label>
      <label>
        <span>Listener</span>
        <select name="listener">
          <option value="">the first one</option>
          ${listeners.map((/** @type {ListenerStatus} */ one) => html`<option key=${one.name} value=${one.name} selected=${one.name === listener}>${one.name}</option>`)}
        </select>
      </label>
      <label class="check"><input type="checkbox" name="tls" value="1" defaultChecked=${tls === "1"} /> <span>With TLS</span></label>
      <p class="buttons"><button class="main">Explain</button></p>
    </form>
    ${isAsked && html`<${Trace} key=${query.asked} played=${playedOf({ listener, client, name, helo, auth, from, to, tls })} />`}
  `;
}

/**
 * @param {Record<"listener" | "client" | "name" | "helo" | "auth" | "from" | "to" | "tls", string>} form
 * @returns {PlayedSession}
 */
function playedOf({ listener, client, name, helo, auth, from, to, tls }) {
  const recipients = to.split(/\s+/).filter((address) => address !== "");
  return {
    client: { ...(client && { address: client }), ...(name && { name }) },
    ...(listener && { listener }),
    ...(helo && { helo }),
    ...(auth && { auth }),
    tls: tls === "1",
    sender: from === "<>" ? "" : from,
    recipients,
  };
}
