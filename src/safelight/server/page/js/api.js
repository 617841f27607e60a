// Calls of the server. What fails is a Problem, whose words can be shown as they are.

import { current } from "./token.js";

const BASE = new URL("api/v1/", document.baseURI);
const PATIENCE = 3; // times that a busy server is asked again
const LONGEST_WAIT = 10; // seconds

export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", code = "", errors = null }) {
    super(detail || title);
    Object.assign(this, { name: "Problem", status, title, detail, code, errors });
  }
}

let refused = () => {};
/** Set the callback for when a token is needed. */
export const onRefused = (listener) => {
  refused = listener;
};

export const address = (path, query = {}) => {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each !== "" && each !== null && each !== undefined) url.searchParams.append(name, each);
    }
  }
  return url;
};

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Ask, and return the response if it is a good one. */
export const ask = async (path, { method = "GET", query, body, signal, accept } = {}) => {
  const headers = { Accept: accept ?? "application/json" };
  if (current()) headers.Authorization = "Bearer " + current();
  // The same for each turn: what the server did already, it does not do again.
  if (method === "POST") headers["Idempotency-Key"] = randomKey();
  let sent = body;
  if (body !== undefined && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    sent = JSON.stringify(body);
  }
  for (let turn = 0; ; turn += 1) {
    let response;
    try {
      response = await fetch(address(path, query), { method, headers, body: sent, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem({
        title: "No answer",
        detail: "The server does not answer. Is safelight serve still running?",
      });
    }
    if (response.ok) return response;
    const wait = Number(response.headers.get("Retry-After") ?? 1);
    const busy = response.status === 429 || response.status === 503;
    if (busy && turn < PATIENCE && wait <= LONGEST_WAIT) {
      await pause(wait, signal);
      continue;
    }
    throw await problem(response);
  }
};

const problem = async (response) => {
  const told = await response.json().catch(() => ({}));
  const found = new Problem({
    status: response.status,
    title: told.title ?? response.statusText,
    detail: told.detail ?? "The server answered " + response.status + " and gave no reason.",
    code: told.code,
    errors: told.errors,
  });
  if (found.status === 401) refused(found);
  return found;
};

export const get = async (path, query, signal) => (await ask(path, { query, signal })).json();

export const send = async (method, path, body, signal) => {
  const response = await ask(path, { method, body, signal });
  return response.status === 204 ? null : response.json();
};

export const post = (path, body, signal) => send("POST", path, body, signal);
