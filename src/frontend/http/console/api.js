/** Questions to the API of the listener that this page comes from; `../api.ts` has their shapes. */
/** @import {SessionInfo} from "../api.ts" */

/** What the daemon said of a request that failed, as a message for people. */
class Failed extends Error {
  /**
   * @param {string} message
   * @param {number} [status] Left out: there was no answer.
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @type {Promise<SessionInfo> | undefined} */
let session;

/** @returns {Promise<SessionInfo>} */
export function sessionInfo() {
  session ??= get("/api/session");
  session.catch(() => {
    session = undefined;
  });
  return session;
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export function get(path) {
  return answerOf(path, {});
}

/**
 * @param {string} path
 * @param {object} value
 * @returns {Promise<any>}
 */
export async function post(path, value) {
  try {
    return await postOnce(path, value);
  } catch (error) {
    // Since a restart the daemon has another token of forms.
    if (!(error instanceof Failed) || error.status !== 403) throw error;
    session = undefined;
    return postOnce(path, value);
  }
}

/**
 * @param {string} path
 * @param {object} value
 */
async function postOnce(path, value) {
  const { csrf } = await sessionInfo();
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  return answerOf(path, { method: "POST", headers, body: JSON.stringify(value) });
}

/**
 * @param {string} path
 * @param {RequestInit} init
 */
async function answerOf(path, init) {
  const response = await fetch(path, init).catch(() => {
    throw new Failed("The daemon does not answer. Is it running?");
  });
  // The token is no longer good, or was changed: the page leads to the login.
  if (response.status === 401) location.reload();
  const value = await response.json().catch(() => ({ error: `The daemon answered with status ${response.status}.` }));
  if (!response.ok) throw new Failed(value.error, response.status);
  return value;
}

/**
 * Without what is empty.
 * @param {string} path
 * @param {Readonly<Record<string, string>>} parameters
 */
export function withQuery(path, parameters) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "")).toString();
  return query === "" ? path : `${path}?${query}`;
}
