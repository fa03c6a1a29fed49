/** What PostgreSQL is asked for a batch of questions: the decisions of decide.ts in SQL. */
import type pg from "pg";
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../../stage/state.ts";
import { skewMs } from "../../store/clock-skew.ts";
import { hourMs } from "../../text/duration.ts";
import {
  allowedPasses,
  creditOf,
  decideGreylist,
  type GreylistRow,
  noRows,
  passing,
  periodOf,
  refreshMs,
  type Triplet,
  type TripletQuestion,
  throttleExpires,
  tokenKey,
  tokenMs,
  tripletKey,
  weightOf,
} from "../decide.ts";
import { type GreylistColumns, greylistRowsOf } from "../greylist-columns.ts";
import { ask } from "./prepared.ts";

/** A row that a clock which was ahead has written: it begins to wait now. */
const stillWaits = "g.passed IS NULL AND excluded.last_seen - least(g.first_seen, excluded.last_seen) < $6::bigint";

/**
 * `seen` is what a question finds, `written` what it changed. Rows are locked in the order of the arrays. When another
 * node was faster, the row that it wrote says that there is nothing to write, and the question is asked again.
 * LATERAL … LIMIT 1 keeps the plan to one index search a question, whatever the statistics say.
 */
const greylist = `
  WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
      WITH ORDINALITY AS a (client, sender, recipient, address, now, i)
  ), seen AS MATERIALIZED (
    SELECT a.*, g.first_seen, g.last_seen, g.passed, g.expires, w.passes, w.seen, w.expires AS address_expires
    FROM asked AS a
    LEFT JOIN LATERAL (
      SELECT * FROM postern_greylist AS g
      WHERE g.client = a.client AND g.sender = a.sender AND g.recipient = a.recipient AND g.expires >= a.now LIMIT 1) AS g ON true
    LEFT JOIN LATERAL (
      SELECT * FROM postern_greylist_address AS w WHERE w.address = a.address AND w.expires >= a.now LIMIT 1) AS w ON true
  ), written AS (
    INSERT INTO postern_greylist AS g (client, sender, recipient, first_seen, last_seen, passed, expires)
    SELECT client, sender, recipient, now, now, NULL, now + $7::bigint FROM seen
    WHERE CASE
      WHEN passed IS NOT NULL THEN last_seen > now + ${skewMs} OR now - last_seen >= $9::bigint
      WHEN passes >= $10::integer THEN false
      WHEN first_seen IS NULL THEN $11::boolean
      ELSE first_seen > now + ${skewMs} OR now - least(first_seen, now) >= $6::bigint END
    ORDER BY i
    ON CONFLICT (client, sender, recipient) DO UPDATE SET
      first_seen = CASE WHEN g.expires < excluded.last_seen THEN excluded.first_seen ELSE least(g.first_seen, excluded.first_seen) END,
      last_seen = excluded.last_seen,
      passed = CASE WHEN g.expires < excluded.last_seen OR ${stillWaits} THEN NULL ELSE least(g.passed, excluded.last_seen) END,
      expires = CASE WHEN g.expires < excluded.last_seen OR ${stillWaits} THEN excluded.expires
        ELSE greatest(g.expires, excluded.last_seen + $8::bigint) END
    WHERE CASE
      WHEN g.expires < excluded.last_seen THEN true
      WHEN g.passed IS NULL THEN g.first_seen > excluded.last_seen + ${skewMs} OR NOT (${stillWaits})
      ELSE g.last_seen > excluded.last_seen + ${skewMs} OR excluded.last_seen - g.last_seen >= $9::bigint END
    RETURNING client, sender, recipient, first_seen, last_seen, passed, expires
  )
  SELECT s.first_seen, s.last_seen, s.passed, s.expires, s.passes, s.seen, s.address_expires, s.i, w.first_seen, w.passed
  FROM seen AS s LEFT JOIN written AS w USING (client, sender, recipient)`;

/** `writtenFirst` null: nothing was written. */
type FoundColumns = readonly [...found: GreylistColumns, i: number, writtenFirst: number | null, writtenPassed: number | null];

const isExpired = "w.expires < excluded.seen";
const isCounted = `excluded.seen - w.seen < ${hourMs}`;
const isAhead = `w.seen > excluded.seen + ${skewMs}`;

/** As `creditOf`. Two nodes that credit an address at once credit it once. */
const credit = `
  INSERT INTO postern_greylist_address AS w (address, passes, seen, expires)
  SELECT address, 1, now, now + $3::bigint FROM unnest($1::text[], $2::bigint[]) AS a (address, now)
  ON CONFLICT (address) DO UPDATE SET
    passes = CASE WHEN ${isExpired} THEN 1 WHEN ${isCounted} THEN w.passes ELSE least(w.passes, ${allowedPasses - 1}) + 1 END,
    seen = CASE WHEN ${isCounted} AND NOT (${isExpired} OR ${isAhead}) THEN w.seen ELSE excluded.seen END,
    expires = greatest(w.expires, excluded.expires)
  WHERE ${isExpired} OR ${isAhead} OR NOT ${isCounted} OR excluded.expires - w.expires >= $4::bigint`;

const take = "SELECT * FROM postern_throttle_take($1, $2, $3, $4, $5, $6, $7, $8)";
const giveBack = "SELECT postern_throttle_give_back($1, $2, $3, $4, $5)";

/** A question of the greylist, and its texts as PostgreSQL takes them. */
export interface CleanTriplet extends Triplet {
  readonly question: TripletQuestion;
  readonly address: string;
  /** Of the triplet. */
  readonly key: string;
}

export function cleanTriplet(question: TripletQuestion): CleanTriplet {
  const triplet = { client: clean(question.client), sender: clean(question.sender), recipient: clean(question.recipient) };
  return { question, ...triplet, address: clean(question.autoWhitelist.address), key: tripletKey(triplet) };
}

/** Questions that one statement may hold together: it names each triplet once, and its settings for all. */
export function greylistGroup(): (asked: CleanTriplet) => boolean {
  const triplets = new Set<string>();
  let first: TripletQuestion | undefined;
  return ({ question, key }) => {
    first ??= question;
    if (triplets.has(key) || !hasSameSettings(question, first)) return false;
    triplets.add(key);
    return true;
  };
}

function hasSameSettings(a: TripletQuestion, b: TripletQuestion): boolean {
  return (
    a.delayMs === b.delayMs &&
    a.retryWindowMs === b.retryWindowMs &&
    a.lifetimeMs === b.lifetimeMs &&
    a.autoWhitelist.passes === b.autoWhitelist.passes &&
    a.beginsNothing === b.beginsNothing
  );
}

/** In the order in which they are asked; `undefined`: to be asked again. */
export async function askGreylist(client: pg.ClientBase, asked: readonly CleanTriplet[]): Promise<readonly (GreylistAnswer | undefined)[]> {
  const [first] = asked;
  if (first === undefined) return [];
  const { delayMs, retryWindowMs, lifetimeMs, autoWhitelist, beginsNothing } = first.question;
  const sorted = asked.toSorted((a, b) => order(a.key, b.key));
  const { rows } = await ask<FoundColumns & unknown[]>(client, {
    name: "postern_state_greylist",
    text: greylist,
    values: [
      textArray(sorted.map((each) => each.client)),
      textArray(sorted.map((each) => each.sender)),
      textArray(sorted.map((each) => each.recipient)),
      textArray(sorted.map((each) => each.address)),
      sorted.map(({ question }) => question.now),
      delayMs,
      retryWindowMs,
      lifetimeMs,
      refreshMs(lifetimeMs),
      autoWhitelist.passes ?? allowedPasses,
      !beginsNothing,
    ],
  });
  const found = new Map<CleanTriplet | undefined, FoundColumns>();
  for (const columns of rows) found.set(sorted[columns[7] - 1], columns);
  const credited = new Map<string, number>();
  const answers = asked.map((each) => {
    const { question, address } = each;
    const columns = found.get(each);
    const known = columns === undefined ? noRows : greylistRowsOf(columns);
    const decision = decideGreylist(known, question);
    const writtenFirst = columns?.[8] ?? null;
    if (decision.triplet !== undefined && writtenFirst === null) return undefined;
    // Another node may have forgotten the triplet: whoever is whitelisted does not need it.
    const stands = writtenFirst === null || decision.answer.kind === "whitelisted";
    const answer = stands ? decision.answer : answerOf(writtenFirst, columns?.[9] ?? undefined, known.triplet, question.now);
    if (answer.kind !== "wait" && creditOf(known.address, question) !== undefined) credited.set(address, question.now);
    return answer;
  });
  if (credited.size > 0) {
    const addresses = [...credited.keys()].toSorted(order);
    const nows = addresses.map((address) => credited.get(address));
    await ask(client, { name: "postern_state_credit", text: credit, values: [addresses, nows, lifetimeMs, refreshMs(lifetimeMs)] });
  }
  return answers;
}

/** Of a question that changed its row, which was known, or not, to this. */
function answerOf(firstSeen: number, passed: number | undefined, known: GreylistRow | undefined, now: number): GreylistAnswer {
  if (passed === undefined) return { kind: "wait", firstSeen, isNew: known === undefined && firstSeen === now };
  return passing(firstSeen, passed, known?.passed === undefined && passed === now);
}

export async function askThrottle(client: pg.ClientBase, questions: readonly ThrottleQuestion[]): Promise<readonly ThrottleAnswer[]> {
  const sorted = byKey(questions);
  const { rows } = await ask<[boolean | number, number, boolean | number]>(client, {
    name: "postern_state_take",
    text: take,
    values: [
      ...rowArguments(sorted),
      sorted.map(weightOf),
      sorted.map(({ count }) => count),
      sorted.map(tokenKey),
      sorted.map((each) => each.now + tokenMs(each)),
    ],
  });
  const answers = new Map(sorted.map((question, index) => [question, rows[index]]));
  return questions.map((question) => {
    const [allowed, taken, repeated] = answers.get(question) ?? [false, 0, false];
    return { allowed: Boolean(allowed), taken, ...(repeated && { isRepeat: true }) };
  });
}

export async function askGiveBack(client: pg.ClientBase, questions: readonly ThrottleQuestion[]): Promise<readonly true[]> {
  const sorted = byKey(questions);
  await ask(client, { name: "postern_state_give_back", text: giveBack, values: [...rowArguments(sorted), sorted.map(tokenKey)] });
  return questions.map(() => true);
}

/** As `decideRemember`. Each key once, in their order, so that two nodes do not wait for each other. */
const remember = `
  INSERT INTO postern_correspondent AS c (key, expires)
  SELECT key, max(until) FROM unnest($1::text[], $2::bigint[]) AS a (key, until) GROUP BY key ORDER BY key
  ON CONFLICT (key) DO UPDATE SET expires = excluded.expires
  WHERE c.expires <= excluded.expires - $3::bigint OR c.expires > excluded.expires + ${skewMs}`;

const correspondents = `
  SELECT EXISTS (SELECT FROM postern_correspondent AS c WHERE c.key = a.key AND c.expires >= a.now)
  FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS a (key, now, i) ORDER BY i`;

export async function askRemember(client: pg.ClientBase, questions: readonly CorrespondentQuestion[]): Promise<readonly true[]> {
  const [{ lifetimeMs } = { lifetimeMs: 0 }] = questions;
  const values = [questions.map(({ key }) => key), questions.map((each) => each.now + each.lifetimeMs), refreshMs(lifetimeMs)];
  await ask(client, { name: "postern_state_remember", text: remember, values });
  return questions.map(() => true);
}

export async function askCorrespondents(client: pg.ClientBase, questions: readonly CorrespondentQuestion[]): Promise<readonly boolean[]> {
  const { rows } = await ask<[boolean | number]>(client, {
    name: "postern_state_correspondents",
    text: correspondents,
    values: [questions.map(({ key }) => key), questions.map(({ now }) => now)],
  });
  return questions.map((_, index) => Boolean(rows[index]?.[0]));
}

function byKey(questions: readonly ThrottleQuestion[]): readonly ThrottleQuestion[] {
  return questions.toSorted((a, b) => order(a.key, b.key));
}

function rowArguments(questions: readonly ThrottleQuestion[]): unknown[] {
  return [questions.map(({ key }) => clean(key)), questions.map(({ now }) => now), questions.map(periodOf), questions.map(throttleExpires)];
}

/** PostgreSQL has no text with a NUL, and pg writes half a surrogate pair as another character: one such question would fail a whole batch. */
export function clean(text: string): string {
  const wellFormed = text.toWellFormed();
  return wellFormed.includes("\0") ? wellFormed.replaceAll("\0", "\ufffd") : wellFormed;
}

/** As PostgreSQL reads an array (its documentation, 8.15.6): pg takes twice as long to write one. */
function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join()}}`;
}

/** Of keys. All that write rows take them in this order, so that none waits for a row of another in a circle. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
