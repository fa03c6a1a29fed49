/** One decision: what is known of it, what may be done about it, and the whole trace. */
/** @import {KeptDecision} from "../../api.ts" */
/** @import {PlayedSession} from "../../../explain/play.ts" */
import { html } from "htm/preact";
import { post } from "../api.js";
import { Dialog, Said, Text, Verdict } from "../parts.js";
import { linkTo } from "../place.js";
import { meaningOf } from "../reasons.js";
import { Trace } from "../trace.js";
import { useAction } from "../use-answer.js";

/** @param {{decision: KeptDecision, onClose: () => void}} properties */
export function DecisionDialog({ decision, onClose }) {
  const {
    time,
    listener,
    stage,
    verdict,
    would,
    reason,
    reply,
    error,
    client,
    sender,
    recipient,
    auth,
    helo,
    tls,
    clientName,
    resolved,
    resolvedCount = resolved.length,
    ms,
  } = decision;
  const action = useAction();
  const allow = () =>
    action.run(async () => {
      await post("/api/greylist/allow", { client, sender, recipient });
      return "Allowed: the next attempt passes, and all that follow.";
    });
  const facts = /** @type {const} */ ([
    ["Time", new Date(time).toLocaleString()],
    ["Listener", `${listener}, ${stage}`],
    ["Client", [client, clientName].filter((text) => text !== "").join(" ")],
    ["EHLO", helo],
    ["Login", auth],
    ["TLS", tls ? "yes" : "no"],
    ["From", stage === "connect" || stage === "ehlo" ? "" : sender || "<>"],
    ["To", recipient],
    ["Goes to", [...resolved, ...(resolvedCount > resolved.length ? [`… (${resolvedCount} addresses)`] : [])].join(", ")],
    ["Took", `${ms} ms`],
    ["Error", error ?? ""],
  ]);
  return html`
    <${Dialog} title="Decision" isWide onClose=${onClose}>
      <p><${Verdict} verdict=${verdict} would=${would} /> <code class="reason">${reason}</code> ${meaningOf(reason)}</p>
      ${reply !== "" && html`<p class="reply">${reply}</p>`}
      <dl class="facts">${facts.map(([name, text]) => text !== "" && html`<div key=${name}><dt>${name}</dt><dd><${Text}>${text}</${Text}></dd></div>`)}</dl>
      <p class="buttons">
        ${reason === "greylisted" && html`<button class="main" onClick=${allow}>Allow now</button>`}
        <a class="button" href=${linkTo("explain", formOf(decision))}>Change and explain</a>
        ${recipient !== "" && html`<a class="button" href=${linkTo("address", { address: recipient })}>Look up the recipient</a>`}
      </p>
      <${Said} action=${action} />
      <h2>Trace</h2>
      <p class="note">What is decided if the same comes again now. Nothing is counted or written.</p>
      <${Trace} played=${playedOf(decision)} />
    </${Dialog}>
  `;
}

/**
 * The same session until this decision.
 * @param {KeptDecision} decision
 * @returns {PlayedSession}
 */
function playedOf({ listener, stage, client, clientName, clientPort, serverPort, helo, tls, auth, sender, recipient }) {
  return {
    client: { ...(client && { address: client }), ...(clientName && { name: clientName }), ...(clientPort > 0 && { port: clientPort }) },
    ...(serverPort > 0 && { server: { port: serverPort } }),
    listener,
    ...(helo && { helo }),
    ...(auth && { auth }),
    tls,
    ...((stage === "mail" || stage === "rcpt") && { sender }),
    ...(stage === "rcpt" && { recipients: [recipient] }),
    ...(stage === "vrfy" && { vrfy: recipient }),
    ...(stage === "expn" && { expn: recipient }),
  };
}

/** @param {KeptDecision} decision */
function formOf({ listener, client, clientName, helo, tls, auth, sender, recipient }) {
  return { listener, client, name: clientName, helo, tls: tls ? "1" : "", auth, from: sender, to: recipient };
}
