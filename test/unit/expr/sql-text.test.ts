import { expect, it } from "vitest";
import { countPlaceholders, type Engine, isReading, parametersIn, placeholders, positional } from "../../../src/expr/sql-text.ts";

const rows: [sql: string, sqlite: string, postgresql: string][] = [
  ["SELECT ?", "SELECT ?", "SELECT $1"],
  ["SELECT ?, ?", "SELECT ?, ?", "SELECT $1, $2"],
  ["SELECT $1, $2, $1", "SELECT ?1, ?2, ?1", "SELECT $1, $2, $1"],
  ["SELECT a ? $1", "SELECT a ? ?1", "SELECT a ? $1"],
  ["SELECT '?', '$1', ?", "SELECT '?', '$1', ?", "SELECT '?', '$1', $1"],
  ["SELECT 'it''s ?', ?", "SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"],
  ['SELECT "a?""b$1", ?', 'SELECT "a?""b$1", ?', 'SELECT "a?""b$1", $1'],
  ["SELECT a$1, ?", "SELECT a$1, ?", "SELECT a$1, $1"],
  ["SELECT 1 -- really?\n, ?", "SELECT 1 -- really?\n, ?", "SELECT 1 -- really?\n, $1"],
  ["SELECT /* ? */ ?", "SELECT /* ? */ ?", "SELECT /* ? */ $1"],
  ["SELECT 4 / ?, 2 - ?", "SELECT 4 / ?, 2 - ?", "SELECT 4 / $1, 2 - $2"],
  ["SELECT ? /* open ?", "SELECT ? /* open ?", "SELECT $1 /* open ?"],
  ["SELECT ? 'open ?", "SELECT ? 'open ?", "SELECT $1 'open ?"],
  // Where the engines differ.
  ["SELECT /* /* ? */ ? */ ?", "SELECT /* /* ? */ ? */ ?", "SELECT /* /* ? */ ? */ $1"],
  ["SELECT /* /* $1 */ $1", "SELECT /* /* $1 */ ?1", "SELECT /* /* $1 */ $1"],
  ["SELECT [a$1], `b$1`, $1", "SELECT [a$1], `b$1`, ?1", "SELECT [a$1], `b$1`, $1"],
  ["SELECT a[?]", "SELECT a[?]", "SELECT a[$1]"],
  ["SELECT E'\\'?', ?", "SELECT E'\\'?', ?", "SELECT E'\\'?', $1"],
  ["SELECT $$ ? $1 $$, ?", "SELECT $$ ? ?1 $$, ?", "SELECT $$ ? $1 $$, $1"],
  ["SELECT $a$ ? $$ ? $a$, ?", "SELECT $a$ ? $$ ? $a$, ?", "SELECT $a$ ? $$ ? $a$, $1"],
];

it.each(rows)("%s", (sql, sqlite, postgresql) => {
  expect([placeholders(sql, "sqlite"), placeholders(sql, "postgresql")]).toEqual([sqlite, postgresql]);
});

it.each<[sql: string, text: string, order: readonly number[]]>([
  ["SELECT ?, ?", "SELECT ?, ?", [1, 2]],
  ["SELECT $2, $1, $2", "SELECT ?, ?, ?", [2, 1, 2]],
  ["SELECT '?', '$1', ?", "SELECT '?', '$1', ?", [1]],
  ["SELECT 'it\\'s ?', 'it''s $1', $1", "SELECT 'it\\'s ?', 'it''s $1', ?", [1]],
  ['SELECT "say \\"?\\"", "\\\\", ?', 'SELECT "say \\"?\\"", "\\\\", ?', [1]],
  ["SELECT `a?$1`, $1 # $1 ?\n, $1", "SELECT `a?$1`, ? # $1 ?\n, ?", [1, 1]],
  ["SELECT ? -- ?\n/* ? */", "SELECT ? -- ?\n/* ? */", [1]],
  ["SELECT ? 'open ?", "SELECT ? 'open ?", [1]],
])("%s in MySQL", (sql, text, order) => {
  expect(positional(sql)).toEqual({ text, order });
});

it.each<[sql: string, count: number | undefined]>([
  ["SELECT 1", 0],
  ["SELECT ?, '?', ?", 2],
  ["SELECT $1, $2, $1", 2],
  ["SELECT $3", 3],
  ["SELECT a ? $1", 1],
  // A string in PostgreSQL, placeholders in SQLite.
  ["SELECT $$ ? $$", undefined],
  ["SELECT [a?]", undefined],
  // The rest of a string in MySQL.
  ["SELECT '\\', ?", undefined],
])("%s has %s", (sql, count) => {
  expect(countPlaceholders(sql)).toBe(count);
});

type Places = readonly (readonly [text: string, number: number | undefined])[];
it.each<[sql: string, sqlite: Places, postgresql: Places, mysql: Places]>([
  ["SELECT 1", [], [], []],
  [
    "SELECT $2, $2",
    [
      ["$2", 2],
      ["$2", 2],
    ],
    [
      ["$2", 2],
      ["$2", 2],
    ],
    [
      ["$2", 2],
      ["$2", 2],
    ],
  ],
  [
    "SELECT ?, ?",
    [
      ["?", 1],
      ["?", 2],
    ],
    [
      ["?", 1],
      ["?", 2],
    ],
    [
      ["?", 1],
      ["?", 2],
    ],
  ],
  [
    "SELECT a ? $1",
    [
      ["?", 1],
      ["$1", 1],
    ],
    [["$1", 1]],
    [
      ["?", undefined],
      ["$1", 1],
    ],
  ],
  [
    "SELECT $1 ? a",
    [
      ["$1", 1],
      ["?", 2],
    ],
    [["$1", 1]],
    [
      ["$1", 1],
      ["?", undefined],
    ],
  ],
  ["SELECT ?2", [["?2", 2]], [["?", 1]], [["?", 1]]],
  [
    "SELECT :a, @b, $c",
    [
      [":a", undefined],
      ["@b", undefined],
      ["$c", undefined],
    ],
    [],
    [],
  ],
  ["SELECT ':a', '%s' -- :a", [], [], []],
])("the parameters of %s", (sql, ...expected) => {
  const engines: readonly Engine[] = ["sqlite", "postgresql", "mysql"];
  expect(engines.map((engine) => parametersIn(sql, engine).map(({ text, number }) => [text, number]))).toEqual(expected);
});

it.each<[sql: string, reads: boolean]>([
  ["SELECT 1", true],
  ["  select addr from seen", true],
  ["/* seen? */ SELECT 1", true],
  ["-- seen?\nSELECT 1", true],
  ["(SELECT 1) UNION (SELECT 2)", true],
  ["VALUES (1)", true],
  ["WITH x AS (SELECT 'delete') SELECT * FROM x", true],
  ['WITH x AS (SELECT 1 AS "update") SELECT * FROM x -- insert', true],
  ["INSERT INTO seen SELECT 1", false],
  ["/* SELECT */ DELETE FROM seen", false],
  ["WITH x AS (SELECT 1) INSERT INTO seen SELECT * FROM x", false],
  ["WITH x AS (DELETE FROM seen RETURNING addr) SELECT addr FROM x", false],
  ["PRAGMA optimize", false],
  ["", false],
])("%s reads: %s", (sql, reads) => {
  expect(isReading(sql)).toBe(reads);
});
