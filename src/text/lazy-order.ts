/** Many texts in their order, part by part: to sort them all at once would hold up everything else. */

/** Sorted at once. */
const enough = 256;

/** Of texts that differ. The array is rearranged meanwhile. */
export function* inOrder(texts: string[]): Generator<readonly string[]> {
  const ranges: [from: number, to: number][] = [[0, texts.length]];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [from, to] = range;
    if (to - from <= enough) {
      if (to > from) yield texts.slice(from, to).sort();
      continue;
    }
    const middle = partition(texts, from, to);
    ranges.push([middle, to], [from, middle]);
  }
}

/** Where those begin that do not come before one of them. */
function partition(texts: string[], from: number, to: number): number {
  const pivot = medianOf(texts, from, to);
  let low = from;
  for (let at = from; at < to; at += 1) {
    // The index is within the array.
    const text = texts[at] as string;
    if (text >= pivot) continue;
    texts[at] = texts[low] as string;
    texts[low] = text;
    low += 1;
  }
  return low;
}

/** Of three, so that it is not the first of all. Taken at random, since strangers choose the texts. */
function medianOf(texts: readonly string[], from: number, to: number): string {
  const third = Math.floor((to - from) / 3);
  const picked = [0, 1, 2].map((part) => texts[from + part * third + Math.floor(Math.random() * third)] as string);
  return picked.sort()[1] as string;
}
