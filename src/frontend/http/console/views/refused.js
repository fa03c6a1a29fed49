/** What is refused most, and how much of what there was over the last day. */
/** @import {Counted, Refused as Summary, Series} from "../../api.ts" */
import { html } from "htm/preact";
import { withQuery } from "../api.js";
import { Empty, Filters, Problem, Share, Text, Time } from "../parts.js";
import { ask, linkTo } from "../place.js";
import { Plot } from "../plot.js";
import { useAnswer } from "../use-answer.js";
import { number, plural } from "../words.js";
import { useKeepSeconds, When } from "./earlier.js";

const lines = /** @type {const} */ ([
  { name: "pass", label: "Pass", colour: "--pass" },
  { name: "reject", label: "Reject", colour: "--reject" },
  { name: "defer", label: "Defer", colour: "--defer" },
  { name: "disconnect", label: "Disconnect", colour: "--quiet" },
  { name: "would", label: "Would refuse", colour: "--accent" },
]);

/** @param {{query: Readonly<Record<string, string>>}} properties */
export function Refused({ query }) {
  const { earlier = "", since = "", until = "" } = query;
  const isEarlier = earlier === "1";
  const isKept = useKeepSeconds() !== null;
  const change = (/** @type {Readonly<Record<string, string>>} */ changed) => ask("refused", { ...query, ...changed });
  const path = isEarlier ? withQuery("/api/refused/archive", { since, until }) : "/api/refused";
  const { value, error } = useAnswer(path, isEarlier ? undefined : 30);
  const linked = (/** @type {Readonly<Record<string, string>>} */ asked) =>
    linkTo("decisions", { ...asked, "not-pass": "1", earlier, since, until });
  const { value: series } = useAnswer("/api/series", 60);
  return html`
    ${isKept && html`<${Filters} isUsed=${isEarlier}><${When} query=${query} change=${change} /></${Filters}>`}
    <${Problem} error=${error} />
    ${value && html`<${Summary} refused=${value} />`}
    ${series && html`<${LastDay} series=${series} />`}
    ${
      value &&
      value.refused > 0 &&
      html`
        <div class="columns">
          <${Top} title="Reason" counted=${value.byReason} linkOf=${(/** @type {string} */ reason) => linked({ reason })} />
          <${Top} title="Client network" counted=${value.byNetwork} linkOf=${(/** @type {string} */ network) => linked({ client: startOf(network) })} />
          <${Top} title="Recipient" counted=${value.byRecipient} linkOf=${(/** @type {string} */ to) => linked({ to })} />
        </div>
      `
    }
  `;
}

/** @param {{refused: Summary & {reached?: string | null}}} properties */
function Summary({ refused: { since, decisions, refused, reached = null } }) {
  if (since === null)
    return html`<${Empty} title="No decisions yet"><p>Is Postern called? <a href="#/calls">See what the listeners have got</a>.</p></${Empty}>`;
  if (refused === 0)
    return html`<${Empty} title="Nothing was refused"><p>${plural(decisions, "decision")} since <${Time} time=${since} />.</p></${Empty}>`;
  return html`<p class="lead">${number(refused)} of ${plural(decisions, "decision")} since <${Time} time=${since} /> were refused, or would have been.
    ${reached !== null && " Earlier ones are too many to be counted at once: choose a time until which."}</p>`;
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
