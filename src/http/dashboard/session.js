// Requests to the node, and the token that some of them need.
//
// The token lives in sessionStorage, so that it ends with the tab; it may come in the fragment of
// the address (`#token=...`), which is never sent anywhere, and is taken from the address bar at
// once. It goes out in no other way than the Authorization header of requests to this origin.

const KEY = "swarmlet-token";
const listeners = new Set();
let held = fromAddress() ?? fromStorage();

/** A request that failed, with the line that the node said about it. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }

  /** Whether another token could help. */
  get denied() {
    return this.status === 401 || this.status === 403;
  }
}

export function token() {
  return held;
}

/** Holds a token, or forgets it where there is none, and tells whoever asked to know. */
export function setToken(value) {
  held = value || null;
  try {
    if (held) sessionStorage.setItem(KEY, held);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser may forbid storage; then the token lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export function onToken(listener) {
  listeners.add(listener);
}

/** Headers of a request, with the token if there is one. */
export function headers(more = {}) {
  return held ? { ...more, Authorization: `Bearer ${held}` } : more;
}

/** Asks for a path below `api/v1/`; gives the decoded answer, or null where it has no body. */
export async function call(method, path, body) {
  const options = {
    method,
    cache: "no-store",
    credentials: "omit",
    headers: headers({ Accept: "application/json" }),
  };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await answer(`api/v1/${path}`, options);
  if (response.status === 204) return null;
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(response.status, "the node's answer is not JSON");
  }
}

/** A response that is a success; anything else is a `Problem`. */
export async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "the node does not answer");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Whether reading this needs the token, so that a plain link would be refused. */
export async function isGuarded(url) {
  if (!held) return false;
  try {
    const bare = await fetch(url, { method: "HEAD", credentials: "omit", cache: "no-store" });
    return bare.status === 401 || bare.status === 403;
  } catch {
    return false;
  }
}

async function problemOf(response) {
  let detail = null;
  try {
    const document = JSON.parse(await response.text());
    detail = document.detail || document.title;
  } catch {
    // No problem document: the status has to do.
  }
  return new Problem(response.status, String(detail || `the node answered ${response.status}`));
}

function fromStorage() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return null;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // As above.
  }
  return given;
}

window.addEventListener("hashchange", () => {
  const given = fromAddress();
  if (given) setToken(given);
});
