// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
/** Words of scripts and what is none, to make texts of. */
import fc from "fast-check";

const word = fc.constantFrom(
  ...[
    "keep",
    "if",
    "elsif",
    "else",
    "not",
    "anyof",
    "allof",
    "true",
    "set",
    "reject",
    "require",
    "while",
    "include",
    "eval",
    "let",
    "envelope",
    "string",
  ],
);
export const piece = fc.oneof(
  word,
  fc.constantFrom(..."[](){},;#".split(""), ":is", ":lower", "1K", "9x", '"', "\\", "/*", "*/", "text:\n", ".\n", "\r\n", " "),
  fc.constantFrom(
    '"a"',
    '"${a}"',
    '"${hex:d800}"',
    '"${unicode:d800}"',
    '"envelope.to"',
    '"1 +"',
    '["a", "b"]',
    "if true {",
    "}",
    'set "a" "b";',
    "anyof (true,",
  ),
  fc.string({ maxLength: 10 }),
);
