/** Where in the console somebody is: the fragment of the URL has the view and what it is asked, so that a bookmark finds it again. */
import { useLayoutEffect, useState } from "preact/hooks";
import { withQuery } from "./api.js";

/**
 * @typedef {object} Place
 * @property {string} view
 * @property {Readonly<Record<string, string>>} query
 */

/** @returns {Place} */
function placeNow() {
  const [view = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function usePlace() {
  const [place, setPlace] = useState(placeNow);
  useLayoutEffect(() => {
    const onChange = () => setPlace(placeNow());
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return place;
}

/**
 * @param {string} view
 * @param {Readonly<Record<string, string>>} [query]
 */
export function linkTo(view, query = {}) {
  return withQuery(`#/${view}`, query);
}

/**
 * The same view with another question, in place of this one in the history.
 * @param {string} view
 * @param {Readonly<Record<string, string>>} query
 */
export function ask(view, query) {
  location.replace(linkTo(view, query));
}
