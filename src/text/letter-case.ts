/** Case of letters beyond ASCII, letter by letter: one that would become several letters, such as ß, stays as it is. */

export function upperLetters(text: string): string {
  return text.replace(/\p{Changes_When_Uppercased}/gu, (letter) => single(letter.toUpperCase(), letter));
}

export function lowerLetters(text: string): string {
  return text.replace(/\p{Changes_When_Lowercased}/gu, (letter) => single(letter.toLowerCase(), letter));
}

function single(changed: string, letter: string): string {
  const [, second] = changed;
  return second === undefined ? changed : letter;
}
