/** Where a character of a string stands in its script. */

/** Of that character itself, if the string is written as it is; where it has escapes or is a block, of its beginning. */
export function placeWithin(source: string, text: string, offset: number, within: number): number {
  return source[offset] === '"' && source.startsWith(text.slice(0, within + 1), offset + 1) ? offset + 1 + within : offset;
}
