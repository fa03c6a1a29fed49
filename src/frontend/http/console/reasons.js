/** What each reason of a decision means, for people who ask why. */
/** @import {Reason} from "../../../stage/verdict.ts" */

/** @type {Readonly<Record<Reason, string>>} */
const meanings = {
  pass: "Nothing speaks against it.",
  trusted: "The client is in trusted-networks.",
  "same-name": "The name is that of before.",
  "invalid-ehlo": "The EHLO name is not one that a mail server has.",
  blocklisted: "The EHLO name is on a list.",
  "spf-ehlo": "SPF of the EHLO name: the client may not use it.",
  spf: "SPF of the sender's domain: the client may not send for it.",
  iprev: "The client's address has no name that leads back to it.",
  "no-ehlo": "The client did not say EHLO.",
  "no-mail": "The client did not say MAIL.",
  mailbox: "The address is a mailbox.",
  alias: "The address is an alias.",
  "sub-address": "The address is a mailbox with a detail.",
  "catch-all": "The catch-all address of the domain takes it.",
  list: "The address is a list.",
  postmaster: "Mail to the postmaster is always taken.",
  unchecked: "The server that delivers was not asked, or could not tell; the address is taken.",
  relayed: "The client may relay.",
  mta: "The domain is not one of Postern; the MTA decides.",
  "sender-not-allowed": "The sender may not send from here.",
  "sender-not-owned": "The account may not send as that address.",
  duplicate: "The message has this recipient already.",
  "unknown-mailbox": "The domain is local and has no such mailbox or alias.",
  "over-quota": "The mailbox is full.",
  "relay-denied": "The domain is not local, and the client may not relay.",
  "too-many-recipients": "The message has as many recipients as it may.",
  "too-many-at-once": "All messages under way have as many recipients as there is memory for.",
  "too-many-errors": "The session had too many refusals.",
  "list-too-long": "The list has more members than the message may have recipients.",
  denied: "A deny rule or list refuses it.",
  "extension-disabled": "The parameter belongs to an extension that is off.",
  "invalid-parameter": "The parameter is not valid.",
  "too-long": "The address is longer than SMTP allows.",
  "rate-limit": "A throttle has reached its limit.",
  greylisted: "A first attempt, or a retry that came too soon. Mail servers try again by themselves.",
  "greylist-training": "Would be greylisted; the greylist only learns so far.",
  "greylist-passed": "The retry came late enough.",
  correspondent: "Somebody here has written to the sender before.",
  script: "A Sieve script decided.",
  unavailable: "A source could not tell. The client tries again later.",
  "vrfy-disabled": "VRFY is off.",
  "expn-disabled": "EXPN is off.",
  found: "VRFY or EXPN found it.",
  "not-found": "VRFY or EXPN did not find it.",
  "internal-error": "A bug: the log has where.",
};

/** @param {string} reason Also one that this page does not know. */
export function meaningOf(reason) {
  return Object.hasOwn(meanings, reason) ? meanings[/** @type {Reason} */ (reason)] : "";
}
