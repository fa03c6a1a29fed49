/** What is refused most, and how much of what there was over the last day. */
/** @import {Counted, Refused as Summary, Series} from "../../api.ts" */
import { html } from "htm/preact";
import { Empty, Problem, Share, Text, Time } from "../parts.js";
import { linkTo } from "../place.js";
import { Plot } from "../plot.js";
import { useAnswer } from "../use-answer.js";
import { number, plural } from "../words.js";

const lines = /** @type {const} */ ([
  { name: "pass", label: "Pass", colour: "--pass" },
  { name: "reject", label: "Reject", colour: "--reject" },
  { name: "defer", label: "Defer", colour: "--defer" },
  { name: "disconnect", label: "Disconnect", colour: "--quiet" },
  { name: "would", label: "Would refuse", colour: "--accent" },
]);

export function Refused() {
  const { value, error } = useAnswer("/api/refused", 30);
  const { value: series } = useAnswer("/api/series", 60);
  return html`
    <${Problem} error=${error} />
    ${value && html`<${Summary} refused=${value} />`}
    ${series && html`<${LastDay} series=${series} />`}
    ${
      value &&
      value.refused > 0 &&
      html`
        <div class="columns">
          <${Top} title="Reason" counted=${value.byReason} linkOf=${(/** @type {string} */ reason) => linkTo("decisions", { reason, "not-pass": "1" })} />
          <${Top} title="Client network" counted=${value.byNetwork} linkOf=${(/** @type {string} */ network) => linkTo("decisions", { client: startOf(network), "not-pass": "1" })} />
          <${Top} title="Recipient" counted=${value.byRecipient} linkOf=${(/** @type {string} */ to) => linkTo("decisions", { to, "not-pass": "1" })} />
        </div>
      `
    }
  `;
}

/** @param {{refused: Summary}} properties */
function Summary({ refused: { since, decisions, refused } }) {
  if (since === null)
    return html`<${Empty} title="No decisions yet"><p>Is Postern called? <a href="#/calls">See what the listeners have got</a>.</p></${Empty}>`;
  if (refused === 0)
    return html`<${Empty} title="Nothing was refused"><p>${plural(decisions, "decision")} since <${Time} time=${since} />.</p></${Empty}>`;
  return html`<p class="lead">${number(refused)} of ${plural(decisions, "decision")} since <${Time} time=${since} /> were refused, or would have been.</p>`;
}

/** @param {{series: Series}} properties */
function LastDay({ series }) {
  if (series.times.length < 2) return html`<p class="note">Plots begin two minutes after the start of the daemon.</p>`;
  return html`<${Plot} label="Decisions over the last day" series=${series} lines=${lines} />`;
}

/** @param {{title: string, counted: readonly Counted[], linkOf: (value: string) => string}} properties */
function Top({ title, counted, linkOf }) {
  const most = counted[0]?.count ?? 1;
  return html`
    <section class="top">
      <h2>${title}</h2>
      <ol>
        ${counted.map(
          ({ value, count }) => html`
            <li key=${value}><a href=${linkOf(value)}><${Text}>${value}</${Text}></a><b>${number(count)}</b><${Share} count=${count} of=${most} /></li>
          `,
        )}
      </ol>
    </section>
  `;
}

/**
 * What the addresses of a network begin with: filters know no networks.
 * @param {string} network
 */
function startOf(network) {
  const [address = ""] = network.split("/");
  return address.includes(":") ? address.replace(/:+$/, ":") : address.replace(/\.0$/, ".");
}
