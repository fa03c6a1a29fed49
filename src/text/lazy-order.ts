/** Many texts in their order, part by part: to sort them all at once would hold up everything else. */

/** Sorted at once. */
const enough = 256;
/** Compared in one step. */
const perStep = 2048;
const none: readonly number[] = [];

/** The indexes of texts that differ, in the order of the texts, some in each step or none. */
export function* inOrder(texts: readonly string[]): Generator<readonly number[], undefined> {
  const order = Array.from(texts.keys());
  // An index is within its array.
  const textAt = (at: number) => texts[order[at] as number] as string;
  const ranges: [from: number, to: number][] = [[0, order.length]];
  let compared = 0;
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [from, to] = range;
    if (to - from <= enough) {
      const sorted = order.slice(from, to).sort((a, b) => ((texts[a] as string) < (texts[b] as string) ? -1 : 1));
      if (to > from) yield sorted;
      continue;
    }
    const pivot = medianOf(textAt, from, to);
    // Where those begin that do not come before it.
    let middle = from;
    for (let at = from; at < to; at += 1) {
      compared += 1;
      if (compared % perStep === 0) yield none;
      const index = order[at] as number;
      if ((texts[index] as string) >= pivot) continue;
      order[at] = order[middle] as number;
      order[middle] = index;
      middle += 1;
    }
    ranges.push([middle, to], [from, middle]);
  }
}

/** Of three, so that it is not the first of all. Taken at random, since strangers choose the texts. */
function medianOf(textAt: (at: number) => string, from: number, to: number): string {
  const third = Math.floor((to - from) / 3);
  const picked = [0, 1, 2].map((part) => textAt(from + part * third + Math.floor(Math.random() * third)));
  return picked.sort()[1] as string;
}
