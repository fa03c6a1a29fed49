/** The mail that the load tools ask about, by its number: who sends it, and to whom. */

/** Addresses in the directory. */
export const addresses = 100_000;

/** So many of them are written to, and so many that do not exist; the numbers of mail repeat them. */
export const mailboxes = 10_000;
const unknown = 1000;

/** Of so many mails in a row, one is to an unknown recipient, and one to a sub-address. */
export const mix = 20;

export const addressOf = (number: number) => `first.last${number}@dept${number % 20}.example.net`;

export interface Mail {
  readonly client: string;
  readonly port: number;
  readonly name: string;
  readonly sender: string;
  readonly recipient: string;
  readonly isUnknown: boolean;
}

/** Each has a client, a sender and so a greylist entry of its own. `run` tells the sessions of mails apart that are sent again. */
export function mailOf(number: number, run: number): Mail {
  const place = number % mix;
  const known = addressOf((number * 7919) % mailboxes);
  return {
    client: `${20 + ((number >> 16) & 63)}.${(number >> 8) & 255}.${number & 255}.${1 + (number % 250)}`,
    port: 1024 + ((number + run * 7) % 60_000),
    name: `mx${number % 16}.out.sender-${number % 5000}.example.com`,
    sender: `user.${letters(number)}@news.dom-${number % 4096}.example.org`,
    recipient: place === 7 ? `nobody${number % unknown}@dept1.example.net` : place === 13 ? known.replace("@", "+news@") : known,
    isUnknown: place === 7,
  };
}

/** The greylist takes digits of a sender as what changes from message to message. */
export function letters(number: number): string {
  return number.toString(26).replace(/\d/g, (digit) => "qrstuvwxyz".charAt(Number(digit)));
}
