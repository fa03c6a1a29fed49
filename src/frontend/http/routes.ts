/** What there is to ask at the HTTP listener (`api.ts` says with which answers), and who may ask it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { hourMs } from "../../text/duration.ts";
import { stackOf } from "../../text/error-message.ts";
import { playedSession } from "../explain/play.ts";
import type { OnNotice } from "../notice.ts";
import { type AccessSettings, cookieName, isCrossSite, isOwnHost, isSameOrigin, type Sessions, sessionSeconds } from "./access.ts";
import type { AnswerPlaces } from "./answer-places.ts";
import {
  type ArchivePlace,
  type ArchiveSpan,
  type DecisionPage,
  type Failure,
  type GreylistFilter,
  InvalidQuestion,
  type Operations,
} from "./api.ts";
import { filterOf } from "./decision-filter.ts";
import { maxDecisions, readPerTurn } from "./decision-log.ts";
import { type EventStreams, streamType } from "./event-stream.ts";
import { HttpError, jsonType, protect, readBody, send, sendJson, sendPortions } from "./exchange.ts";
import { loginPage, loginStyle } from "./login-page.ts";

export interface RoutesOptions {
  readonly listener: string;
  readonly settings: () => AccessSettings;
  readonly operations: Operations;
  readonly sessions: Sessions;
  readonly streams: EventStreams;
  readonly places: AnswerPlaces;
  /** The console: whether it has a page or a file of that path, and has sent it. */
  readonly page?: (path: string, response: ServerResponse) => boolean;
  readonly onNotice: OnNotice;
}

interface Exchange extends RoutesOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the route. */
  readonly name: string;
  readonly query: URLSearchParams;
}

type Route = (exchange: Exchange) => unknown;

/** Of the greylist, in one page. */
const maxEntries = 1000;
/** Of the archive, in one page. */
const maxArchived = 2000;
/** Of the form with the token, which strangers may send, too. */
const maxFormOctets = 4096;
/** That dates have, in milliseconds since 1970. */
const maxTime = 8.64e15;

/** Without the token, too: they tell nothing. */
const open: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["GET /healthz", ({ response }) => send(response, 200, "text/plain; charset=utf-8", "alive\n")],
  ["GET /login", ({ response }) => loginPage(response, 200)],
  ["GET /login.css", ({ response }) => send(response, 200, "text/css; charset=utf-8", loginStyle)],
  ["POST /login", logIn],
]);

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["GET /metrics", sendMetrics],
  [
    "GET /readyz",
    async ({ response, operations }) => {
      const readiness = await operations.readiness();
      sendJson(response, readiness, readiness.ready ? 200 : 503);
    },
  ],
  ["GET /status", ({ operations }) => operations.status()],
  ["GET /api/session", sessionInfo],
  ["GET /api/decisions", decisions],
  ["GET /api/decisions/archive", archived],
  ["GET /api/refused", ({ operations, query }) => operations.refused(filterOf(query))],
  ["GET /api/refused/archive", ({ operations, query, response }) => operations.refusedEarlier(spanOf(query), () => !response.destroyed)],
  ["POST /api/explain", explain],
  ["GET /api/greylist", greylist],
  ["POST /api/greylist/allow", async (exchange) => exchange.operations.allow(await bodyOf(exchange, greylistSubject))],
  ["POST /api/greylist/forget", async (exchange) => exchange.operations.forget(await bodyOf(exchange, greylistSubject))],
  ["GET /api/throttles", async ({ operations, query }) => ({ throttles: await operations.throttles(query.get("near") === "1") })],
  ["POST /api/throttles/reset", async (exchange) => exchange.operations.resetThrottle(await bodyOf(exchange, throttleSubject))],
  ["GET /api/address", ({ operations, query }) => operations.address(query.get("address") ?? "")],
  ["GET /api/configuration", ({ operations }) => operations.configuration()],
  ["GET /api/series", ({ operations }) => operations.series()],
  ["POST /logout", logOut],
]);

const text = z.string().max(1024);
const greylistSubject = z.strictObject({ client: text, sender: text.optional(), recipient: text.optional() });
const throttleSubject = z.strictObject({ name: text, key: text.optional() });

/** Answers each request, whatever it is. */
export function answerHttp(options: RoutesOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    protect(response);
    answer(request, response, options).catch((error: unknown) => fail(request, response, error, options));
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: RoutesOptions): Promise<void> {
  const { page, settings, places } = options;
  const asking = { headers: request.headers, localAddress: request.socket.localAddress };
  if (!isOwnHost(asking, settings())) throw new HttpError(421, "this is not a name of this server; see allowed-hosts");
  const { pathname, query } = targetOf(request);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const name = `${method} ${pathname}`;
  const exchange: Exchange = { ...options, request, response, name, query };
  const route = open.get(name) ?? routes.get(name);
  if (!open.has(name) && !isKnown(exchange)) {
    if (method === "GET" && request.headers.accept?.includes("text/html")) redirect(response, "/login");
    else {
      response.setHeader("www-authenticate", "Bearer");
      throw new HttpError(401, "a token is needed: Authorization: Bearer …");
    }
    return;
  }
  if (route === undefined) {
    if (method === "GET" && page?.(pathname, response)) return;
    const isThere = ["GET", "POST"].some((other) => routes.has(`${other} ${pathname}`));
    throw isThere ? new HttpError(405, "not by this method") : new HttpError(404, "there is nothing here");
  }
  // A link from elsewhere may open a page, and nothing else.
  if (name !== "GET /login" && isCrossSite(asking)) throw new HttpError(403, "a page of another origin asks");
  if (method === "POST") mustBeMeant(exchange);
  const perform = async () => {
    const value = await route(exchange);
    if (value !== undefined) sendJson(response, value);
  };
  await (isSmall(exchange) ? perform() : places.use(response, perform));
}

/** The scheme and the host, which a client of a proxy sends before them, say nothing: the header Host was compared. */
function targetOf({ url = "/" }: IncomingMessage): { readonly pathname: string; readonly query: URLSearchParams } {
  const target = url.replace(/^https?:\/\/[^/?]*/i, "");
  const begin = target.indexOf("?");
  if (begin < 0) return { pathname: target, query: new URLSearchParams() };
  return { pathname: target.slice(0, begin), query: new URLSearchParams(target.slice(begin)) };
}

function isKnown({ request, settings, sessions, listener, onNotice }: Exchange): boolean {
  const { token } = settings();
  if (token === undefined || sessions.knows(request, token)) return true;
  if (request.headers.authorization !== undefined) strange({ request, listener, onNotice });
  return false;
}

function strange({ request, listener, onNotice }: Pick<Exchange, "request" | "listener" | "onNotice">): void {
  const peer = request.socket.remoteAddress ?? "";
  onNotice({ kind: "wrong-token", listener, peer }, { about: peer, againAfterMs: hourMs });
}

/** Whoever logs in has no page yet to have a token from. */
function mustBeMeant({ request, settings, sessions, name }: Exchange): void {
  if (!isSameOrigin(request)) throw new HttpError(403, "a change needs the Origin of this server");
  const given = request.headers["x-csrf-token"];
  if (name !== "POST /login" && !sessions.isCsrf(typeof given === "string" ? given : undefined, settings().token))
    throw new HttpError(403, "a change needs the header x-csrf-token with what /api/session says");
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown, { listener, onNotice }: RoutesOptions): void {
  const [status, message] = failureOf(error);
  if (status === 500) {
    const about = stackOf(error);
    onNotice(
      { kind: "http-error", listener, request: `${request.method} ${targetOf(request).pathname}`, error },
      { about, againAfterMs: hourMs },
    );
  }
  if (response.destroyed) return;
  if (response.headersSent) response.destroy();
  else {
    // What else comes of a body that was not read is no request.
    response.setHeader("connection", "close");
    sendJson(response, { error: message } satisfies Failure, status);
  }
}

function failureOf(error: unknown): readonly [number, string] {
  if (error instanceof HttpError) return [error.status, error.message];
  if (error instanceof InvalidQuestion) return [400, error.message];
  if (error instanceof z.ZodError) return [400, z.prettifyError(error)];
  if (error instanceof TemporaryError) return [503, error.message];
  return [500, "a bug: see the log"];
}

async function bodyOf<T>({ request }: Exchange, schema: z.ZodType<T>): Promise<T> {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? ""))
    throw new HttpError(400, "the body is JSON: content-type: application/json");
  const body = await readBody(request);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new HttpError(400, "the body is not JSON");
  }
  return schema.parse(value);
}

async function sendMetrics({ response, operations }: Exchange): Promise<void> {
  send(response, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", await operations.metrics());
}

function sessionInfo({ operations, sessions, settings }: Exchange): object {
  const { token } = settings();
  return { ...operations.session(), csrf: sessions.csrf(token), needsToken: token !== undefined };
}

async function decisions(exchange: Exchange): Promise<void> {
  const { request, response, operations, streams, query } = exchange;
  const filter = filterOf(query);
  const limit = limitIn(query, 200, maxDecisions);
  if (!follows(exchange)) await sendPortions(response, jsonType, listOf((await operations.decisions(filter, limit)).texts));
  else if (request.method === "HEAD") response.writeHead(200, { "content-type": streamType }).end();
  else await streams.follow(response, operations, filter, limit);
}

/** What it takes does not grow, or has a bound of its own: it waits for nobody. */
function isSmall(exchange: Exchange): boolean {
  return open.has(exchange.name) || exchange.name === "GET /readyz" || follows(exchange);
}

/** For as long as it reads. */
function follows({ request, name }: Exchange): boolean {
  return name === "GET /api/decisions" && request.headers.accept?.includes("text/event-stream") === true;
}

/** `rest`: what else there is to say. */
async function* listOf(texts: DecisionPage["texts"], rest: object = {}): AsyncGenerator<string> {
  const begin = '{"decisions":[';
  let before = begin;
  for await (const portion of texts) {
    if (portion.length === 0) continue;
    yield before + portion.join(",");
    before = ",";
  }
  const end = `${JSON.stringify({ decisions: [], ...rest }).slice(begin.length)}\n`;
  yield before === begin ? begin + end : end;
}

async function archived({ operations, query, response }: Exchange): Promise<void> {
  const after = query.get("after");
  const { texts, ...rest } = await operations.archived({
    ...spanOf(query),
    limit: Math.max(1, limitIn(query, 200, maxArchived)),
    ...(after !== null && { after: placeOf(after) }),
  });
  await sendPortions(response, jsonType, listOf(portionsOf(texts), rest));
}

async function* portionsOf(texts: readonly string[]): AsyncGenerator<readonly string[]> {
  for (let from = 0; from < texts.length; from += readPerTurn) yield texts.slice(from, from + readPerTurn);
}

function spanOf(query: URLSearchParams): ArchiveSpan {
  return { filter: filterOf(query), since: timeIn(query, "since") ?? 0, until: timeIn(query, "until") ?? maxTime };
}

/** As RFC 3339 has it. */
function timeIn(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name);
  if (given === null || given === "") return undefined;
  const at = Date.parse(given);
  if (!Number.isFinite(at)) throw new HttpError(400, `${name} is a time, such as 2026-01-31T12:00:00Z`);
  return at;
}

function placeOf(text: string): ArchivePlace {
  const [, at, id] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (at === undefined || id === undefined) throw new HttpError(400, "after is the next of a page");
  return { at: Number(at), id: Number(id) };
}

async function explain(exchange: Exchange): Promise<object> {
  const played = await bodyOf(exchange, playedSession);
  return { steps: await exchange.operations.explain(played) };
}

function greylist({ operations, query }: Exchange): unknown {
  const part = (name: string) => query.get(name)?.toLowerCase() || undefined;
  const [client, sender, recipient, state] = ["client", "sender", "recipient", "state"].map(part);
  const filter: GreylistFilter = {
    ...(client && { client }),
    ...(sender && { sender }),
    ...(recipient && { recipient }),
    ...((state === "waiting" || state === "passed") && { state }),
  };
  return operations.greylist(filter, limitIn(query, 100, maxEntries), query.get("after") ?? undefined);
}

function limitIn(query: URLSearchParams, fallback: number, max: number): number {
  const given = query.get("limit");
  if (given === null) return fallback;
  if (!/^\d{1,6}$/.test(given)) throw new HttpError(400, "limit is a number");
  return Math.min(Number(given), max);
}

async function logIn(exchange: Exchange): Promise<void> {
  const { request, response, settings, sessions } = exchange;
  const { token } = settings();
  if (token === undefined) return redirect(response, "/");
  const given = new URLSearchParams(await readBody(request, maxFormOctets)).get("token") ?? "";
  if (!sessions.isToken(given.trim(), token)) {
    strange(exchange);
    return loginPage(response, 401);
  }
  setCookie(request, response, sessions.open(token), sessionSeconds);
  redirect(response, "/");
}

function logOut({ request, response }: Exchange): object {
  setCookie(request, response, "", 0);
  return { done: true };
}

function setCookie(request: IncomingMessage, response: ServerResponse, value: string, seconds: number): void {
  const secure = request.headers.origin?.startsWith("https:") ? "; Secure" : "";
  response.setHeader("set-cookie", `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`);
}

function redirect(response: ServerResponse, to: string): void {
  response.writeHead(303, { location: to, "content-length": 0 });
  response.end();
}
