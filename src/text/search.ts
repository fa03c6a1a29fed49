/**
 * Where a text is within another one, in time linear in both, whoever chose them (Knuth, Morris and Pratt 1977). The
 * engine's own search is quicker for short keys, and for long ones takes the product of both lengths at worst.
 */

/** The first place not before `from`; -1: there is none. */
export function indexOf(text: string, key: string, from = 0): number {
  return key.length <= longestShortKey ? text.indexOf(key, from) : search(text, key, from, false);
}

/** The last place; `end`: where what is found must end at the latest. -1: there is none. */
export function lastIndexOf(text: string, key: string, end = text.length): number {
  if (end < key.length) return -1;
  if (key.length <= longestShortKey) return text.lastIndexOf(key, end - key.length);
  const found = search(text, key, text.length - end, true);
  return found < 0 ? -1 : text.length - found - key.length;
}

/** UTF-16 units. */
const longestShortKey = 32;

/** `isBackwards`: both texts are read from their ends, and places are counted from there. */
function search(text: string, key: string, from: number, isBackwards: boolean): number {
  const unit = (of: string, index: number) => of.charCodeAt(isBackwards ? of.length - 1 - index : index);
  // How much of the key ends at each place of it and begins it as well.
  const borders = new Int32Array(key.length);
  for (let at = 1, border = 0; at < key.length; at++) {
    while (border > 0 && unit(key, at) !== unit(key, border)) border = borders[border - 1] ?? 0;
    if (unit(key, at) === unit(key, border)) border += 1;
    borders[at] = border;
  }
  let matched = 0;
  for (let at = from; at < text.length; at++) {
    while (matched > 0 && unit(text, at) !== unit(key, matched)) matched = borders[matched - 1] ?? 0;
    if (unit(text, at) === unit(key, matched)) matched += 1;
    if (matched === key.length) return at + 1 - key.length;
  }
  return -1;
}
