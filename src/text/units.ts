/** A text, or octets of Latin-1 of which no text need be made. */
export type Source = string | Uint8Array;

/** The UTF-16 unit there. */
export function unitAt(source: Source, at: number): number {
  return typeof source === "string" ? source.charCodeAt(at) : (source[at] ?? 0);
}
