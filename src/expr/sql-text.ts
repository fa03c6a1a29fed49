/** What SQL text says of itself: its placeholders, `?` or `$n` on all engines, and whether it writes. */

export type Engine = "sqlite" | "postgresql" | "mysql";

/** What may hold a `?` or `$n` that is not a placeholder. Identifiers are tokens because they may hold a `$`. */
const opaque: Readonly<Record<Engine, readonly RegExp[]>> = {
  postgresql: [/[eE]'(?:[^'\\]|\\.|'')*'?/sy, /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y],
  sqlite: [/`[^`]*`?/y, /\[[^\]]*\]?/y],
  mysql: [/'(?:[^'\\]|\\.)*'?/sy, /"(?:[^"\\]|\\.)*"?/sy, /`[^`]*`?/y, /#[^\n]*/y],
};
const opaqueToAll = [/'[^']*'?/y, /"[^"]*"?/y, /--[^\n]*/y, /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y];
const ordinary = /[^'"`[#\-/$?:@A-Za-z_\u0080-\uffff]+/y;
const numbered = /\$\d+/y;
/** SQLite has `?1` and parameters with names, which nothing here gives a value. */
const parameters: Readonly<Record<Engine, Partial<Record<"parameter" | "name", RegExp>>>> = {
  postgresql: { parameter: numbered },
  sqlite: { parameter: /[$?]\d+/y, name: /[:@$][A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y },
  mysql: { parameter: numbered },
};

interface SqlToken {
  readonly kind: "text" | "mark" | "parameter" | "name";
  readonly text: string;
}

export interface SqlParameter {
  readonly text: string;
  /** Of the value that it stands for, counted from 1; `undefined`: it never gets one. */
  readonly number: number | undefined;
}

/** The text with placeholders as the engine has them: `?n` in SQLite, `$n` in PostgreSQL. */
export function placeholders(sql: string, engine: "sqlite" | "postgresql"): string {
  const tokens = [...tokensOf(sql, engine)];
  const isNumbered = tokens.some(({ kind }) => kind === "parameter");
  let marks = 0;
  let text = "";
  for (const token of tokens) {
    if (token.kind === "parameter" && engine === "sqlite") text += `?${token.text.slice(1)}`;
    else if (token.kind === "mark" && engine === "postgresql" && !isNumbered) text += `$${++marks}`;
    else text += token.text;
  }
  return text;
}

/** The text for MySQL, which has `?` alone, and the number of the parameter that each of them stands for, counted from 1. */
export function positional(sql: string): { readonly text: string; readonly order: readonly number[] } {
  const tokens = [...tokensOf(sql, "mysql")];
  const numbers = tokens.filter(({ kind }) => kind === "parameter").map(({ text }) => Number(text.slice(1)));
  const text = tokens.map((token) => (token.kind === "parameter" ? "?" : token.text)).join("");
  return { text, order: numbers.length > 0 ? numbers : tokens.filter(({ kind }) => kind === "mark").map((_, index) => index + 1) };
}

/** Every place of a parameter, in the order of the text. */
export function parametersIn(sql: string, engine: Engine): readonly SqlParameter[] {
  const tokens = [...tokensOf(sql, engine)];
  const isNumbered = tokens.some(({ kind }) => kind === "parameter");
  let largest = 0;
  return tokens.flatMap(({ kind, text }): SqlParameter[] => {
    if (kind === "name") return [{ text, number: undefined }];
    if (kind === "parameter") {
      const number = Number(text.slice(1));
      largest = Math.max(largest, number);
      return [{ text, number }];
    }
    // Beside a `$n` it is an operator in PostgreSQL, and without a value in MySQL.
    if (kind === "text" || (isNumbered && engine === "postgresql")) return [];
    if (isNumbered && engine === "mysql") return [{ text, number: undefined }];
    largest += 1;
    return [{ text, number: largest }];
  });
}

/** How many parameters the text needs. `undefined`: the engines read it differently. */
export function countPlaceholders(sql: string): number | undefined {
  const [count, ...others] = new Set((Object.keys(opaque) as Engine[]).map((engine) => countIn(sql, engine)));
  return others.length === 0 ? count : undefined;
}

/** Whether the statement changes nothing, judged by its words: a function that writes looks like any other. */
export function isReading(sql: string): boolean {
  const words = [...tokensOf(sql, "postgresql")].flatMap(({ text }) => (/^[a-z_]+$/i.test(text) ? [text.toLowerCase()] : []));
  // A `with` may come before any of them, and in PostgreSQL contain them.
  return reading.has(words[0] ?? "") && !(words[0] === "with" && words.some((word) => writing.has(word)));
}

const reading: ReadonlySet<string> = new Set(["select", "values", "with"]);
const writing: ReadonlySet<string> = new Set(["insert", "update", "delete", "merge"]);

function countIn(sql: string, engine: Engine): number {
  return parametersIn(sql, engine).reduce((most, { number = 0 }) => Math.max(most, number), 0);
}

function* tokensOf(sql: string, engine: Engine): Generator<SqlToken> {
  let at = 0;
  while (at < sql.length) {
    const end = endOfOpaque(sql, at, engine);
    if (end > at) {
      yield { kind: "text", text: sql.slice(at, end) };
      at = end;
      continue;
    }
    const token = parameterAt(sql, at, engine) ?? { kind: "text", text: matchAt(ordinary, sql, at) ?? sql.charAt(at) };
    yield token;
    at += token.text.length;
  }
}

function parameterAt(sql: string, at: number, engine: Engine): SqlToken | undefined {
  for (const kind of ["parameter", "name"] as const) {
    const pattern = parameters[engine][kind];
    const text = pattern && matchAt(pattern, sql, at);
    if (text !== undefined) return { kind, text };
  }
  return sql[at] === "?" ? { kind: "mark", text: "?" } : undefined;
}

/** Where the string, comment or identifier that begins at `at` ends; `at` itself if there is none. */
function endOfOpaque(sql: string, at: number, engine: Engine): number {
  if (sql.startsWith("/*", at)) return endOfComment(sql, at, engine);
  for (const pattern of [...opaque[engine], ...opaqueToAll]) {
    const match = matchAt(pattern, sql, at);
    if (match === undefined) continue;
    if (!match.startsWith("$")) return at + match.length;
    const close = sql.indexOf(match, at + match.length);
    return close < 0 ? sql.length : close + match.length;
  }
  return at;
}

function endOfComment(sql: string, at: number, engine: Engine): number {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(at).matchAll(/\/\*|\*\//g)) {
    // Comments nest in PostgreSQL alone.
    if (mark === "/*") depth = engine === "postgresql" ? depth + 1 : 1;
    else depth -= 1;
    if (depth === 0) return at + index + mark.length;
  }
  return sql.length;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
