/** Many texts in their order, part by part: to sort them all at once would hold up everything else. */

/** In a part, about. */
const perPart = 256;
/** Of those that say where parts begin, so many times as many are looked at. */
const sampled = 4;
/** Put into their parts in one step. */
const perStep = 512;
const none: readonly number[] = [];

/** The indexes of texts that differ, in the order of the texts: a part of them in each step, or none at first. */
export function* inOrder(texts: readonly string[]): Generator<readonly number[], undefined> {
  const starts = startsOf(texts);
  const parts = [[], ...starts.map((): number[] => [])];
  for (let from = 0; from < texts.length; from += perStep) {
    putIntoParts(texts, from, Math.min(from + perStep, texts.length), starts, parts);
    yield none;
  }
  // An index is that of a text.
  for (const part of parts) yield part.sort((a, b) => ((texts[a] as string) < (texts[b] as string) ? -1 : 1));
}

/** With which all parts but the first begin, in their order. Taken at random, since strangers choose the texts. */
function startsOf(texts: readonly string[]): string[] {
  const count = Math.floor(texts.length / perPart);
  const sample = Array.from({ length: count * sampled }, () => texts[Math.floor(Math.random() * texts.length)] as string).sort();
  return sample.filter((_, index) => index % sampled === 0);
}

function putIntoParts(texts: readonly string[], from: number, to: number, starts: readonly string[], parts: readonly number[][]): void {
  for (let index = from; index < to; index += 1) {
    const text = texts[index] as string;
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as string) <= text) low = middle + 1;
      else high = middle;
    }
    parts[low]?.push(index);
  }
}
