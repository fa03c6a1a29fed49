/** Input made from valid input: what it is made of is known to the parser, so that it reaches further than noise does. */
import fc from "fast-check";

type Sequence = string | Buffer;

/** The parts of a text that are not words, or of bytes that are not letters: where a parser looks. */
const hostile = [
  "\0",
  "\n",
  "\r\n",
  " ",
  "\t",
  '"',
  "'",
  "\\",
  "<",
  ">",
  "@",
  ":",
  ",",
  ";",
  "=",
  "*",
  "/",
  "%",
  "[",
  "]",
  "(",
  ")",
  "{",
  "}",
];
const characters = ["\ud800", "\udc00", "\u202e", "\u0085", "\u2028", "ß", "İ", "\u{1f600}", "xn--", "999999999999999999999", "-1", "1e9"];

type Edit =
  | { readonly kind: "cut" | "double" | "truncate"; readonly at: number; readonly length: number }
  | { readonly kind: "insert" | "replace"; readonly at: number; readonly what: string }
  | { readonly kind: "splice"; readonly at: number; readonly from: number }
  | { readonly kind: "repeat"; readonly at: number; readonly length: number; readonly times: number };

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constantFrom("cut", "double", "truncate"), at: fc.nat(4000), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constantFrom("insert", "replace"), at: fc.nat(4000), what: fc.constantFrom(...hostile, ...characters) }),
  fc.record({ kind: fc.constant("splice"), at: fc.nat(4000), from: fc.nat(4000) }),
  fc.record({
    kind: fc.constant("repeat"),
    at: fc.nat(4000),
    length: fc.integer({ min: 1, max: 12 }),
    times: fc.integer({ min: 2, max: 200 }),
  }),
);

/** Texts: mutations of samples, and noise. */
export function hostileText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    {
      weight: 6,
      arbitrary: mutations(
        samples,
        (parts) => parts.join(""),
        (what) => what,
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.array(fc.constantFrom(...hostile, ...characters), { maxLength: 30 }).map((parts) => parts.join("")) },
  );
}

/** Bytes: mutations of samples, and noise. */
export function hostileBytes(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    {
      weight: 8,
      arbitrary: mutations(
        samples,
        (parts) => Buffer.concat(parts),
        (what) => Buffer.from(what),
      ),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  );
}

function mutations<T extends Sequence>(samples: readonly T[], join: (parts: T[]) => T, from: (what: string) => T): fc.Arbitrary<T> {
  // Both kinds of sequences have slices of their own kind.
  const part = (of: T, start: number, end?: number) => of.slice(start, end) as T;
  const apply = (to: T, other: T, change: Edit): T => {
    const at = change.at % (to.length + 1);
    const [before, after] = [part(to, 0, at), part(to, at)];
    switch (change.kind) {
      case "cut":
        return join([before, part(after, change.length)]);
      case "double":
        return join([before, part(after, 0, change.length), after]);
      case "truncate":
        return before;
      case "insert":
        return join([before, from(change.what), after]);
      case "replace":
        return join([before, from(change.what), part(after, 1)]);
      case "splice":
        return join([before, part(other, change.from % (other.length + 1))]);
      case "repeat":
        return join([before, ...Array.from({ length: change.times }, () => part(after, 0, change.length)), after]);
    }
  };
  const sample = fc.constantFrom(...samples);
  return fc
    .tuple(sample, sample, fc.array(edit, { maxLength: 5 }))
    .map(([text, other, edits]) => edits.reduce((mutated, change) => apply(mutated, other, change), text));
}

/** A part of a sample, to be repeated: what grows faster than its length shows there. */
export function pumped(samples: readonly string[]): fc.Arbitrary<(times: number) => string> {
  return fc
    .tuple(hostileText(samples), fc.nat(4000), fc.integer({ min: 1, max: 12 }))
    .filter(([text]) => text.length > 0)
    .map(([text, place, length]) => {
      const at = place % text.length;
      const pump = text.slice(at, at + length);
      return (times) => text.slice(0, at) + pump.repeat(times) + text.slice(at);
    });
}
