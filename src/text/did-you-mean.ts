/** The known name that was probably meant: by edit distance, with swapped neighbours as one edit. */

const maxLength = 64;

/** `undefined`: nothing is near enough. */
function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > maxLength) return undefined;
  const lower = word.toLowerCase();
  let best: string | undefined;
  // Short words of the same length are different words, not slips.
  let bestDistance = Math.min(word.length, Math.max(1, Math.floor(word.length / 3)) + 1);
  for (const name of known) {
    if (Math.abs(name.length - word.length) > bestDistance) continue;
    const distance = editDistance(lower, name.toLowerCase());
    if (distance > bestDistance) continue;
    // Of two that are as near, the one in the same letters.
    if (distance === bestDistance && (best === undefined || editDistance(word, name) >= editDistance(word, best))) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** ` Did you mean "…"?`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const name = nearest(word, known);
  return name === undefined ? "" : ` Did you mean "${name}"?`;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(substituted, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
