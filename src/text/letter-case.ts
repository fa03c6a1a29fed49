/** Case of letters beyond ASCII, letter by letter: one that would become several letters, such as ß, stays as it is. */

export function upperLetters(text: string): string {
  return text.replace(/\p{Changes_When_Uppercased}+/gu, (letters) => {
    const changed = letters.toUpperCase();
    return changed.length === letters.length ? changed : byLetter(letters, (letter) => letter.toUpperCase());
  });
}

export function lowerLetters(text: string): string {
  return text.replace(/\p{Changes_When_Lowercased}+/gu, (letters) => {
    const changed = letters.toLowerCase();
    // At the end of a word it would become another letter than by itself.
    const isByLetter = changed.length !== letters.length || letters.includes("Σ");
    return isByLetter ? byLetter(letters, (letter) => letter.toLowerCase()) : changed;
  });
}

function byLetter(letters: string, change: (letter: string) => string): string {
  let text = "";
  for (const letter of letters) {
    const changed = change(letter);
    const [, second] = changed;
    text += second === undefined ? changed : letter;
  }
  return text;
}
