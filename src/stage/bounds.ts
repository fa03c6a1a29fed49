/** How long what a client sends may be, in octets; asked before anything else is done with it. */
import { reply } from "../mail/reply.ts";
import { isLonger } from "../text/octets.ts";
import type { Parameters } from "./parameters.ts";
import { refuse } from "./refuse.ts";
import type { Verdict } from "./verdict.ts";

/** RFC 5321 4.5.3.1.2 */
export const maxEhloOctets = 255;

/** Without brackets. RFC 5321 4.5.3.1.3 allows a path of 256 octets; senders that sign their addresses use more. */
const maxAddressOctets = 512;

/** Over all parameters of one MAIL or RCPT. */
const maxParameterOctets = 2048;

/** Recipients of one transaction of which answers are kept; Postfix takes 1000 by default. */
export const maxKeptRecipients = 2000;

const senderTooLong = refuse(reply(501, "5.1.7", "Sender address is too long."), "too-long");
const recipientTooLong = refuse(reply(501, "5.1.3", "Recipient address is too long."), "too-long");
const parametersTooLong = refuse(reply(501, "5.5.4", "Too many or too long parameters."), "too-long");

/** `undefined`: it is within its bounds. */
export function oversizedMail(sender: string, parameters: Parameters): Verdict | undefined {
  return isLonger(sender, maxAddressOctets) ? senderTooLong : oversizedParameters(parameters);
}

export function oversizedRcpt(recipient: string, parameters: Parameters): Verdict | undefined {
  return isLonger(recipient, maxAddressOctets) ? recipientTooLong : oversizedParameters(parameters);
}

function oversizedParameters(parameters: Parameters): Verdict | undefined {
  let left = maxParameterOctets;
  for (const parameter of parameters) {
    // With the space before it.
    if (isLonger(parameter, left)) return parametersTooLong;
    left -= Buffer.byteLength(parameter) + 1;
  }
  return undefined;
}
