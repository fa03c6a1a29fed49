/** A text, or octets of Latin-1 of which no text need be made. */
export type Source = string | Uint8Array;

/** The UTF-16 unit there. */
export function unitAt(source: Source, at: number): number {
  return typeof source === "string" ? source.charCodeAt(at) : (source[at] ?? 0);
}

/** Whether a part of it is that text. */
export function isSame(source: Source, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let at = start; at < end; at++) if (unitAt(source, at) !== text.charCodeAt(at - start)) return false;
  return true;
}
