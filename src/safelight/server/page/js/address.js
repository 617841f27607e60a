// What is looked at, as an address: so the back button works, and a search can be kept. Pure.

import { sofar } from "./query.js";

export const NOTHING = Object.freeze({
  view: "photos",
  q: "",
  terms: Object.freeze([]),
  image: "",
  namespace: "",
  camera: "",
  label: "",
  from: "",
  to: "",
  min: Object.freeze({}),
  sort: "",
  relation: "",
  photo: "",
});

const VIEWS = ["photos", "duplicates", "add"];
// What a value looks like, where not everything will do: others are left out, as a typing error is.
const FORMS = {
  from: /^\d{4}-\d\d-\d\d$/,
  to: /^\d{4}-\d\d-\d\d$/,
  sort: /^-?(taken|added|score:[a-z0-9_-]{1,40})$/,
  relation: /^[a-z+-]{1,40}$/,
  photo: /^[0-9a-f]{64}$/,
};
const LONGEST = 1000;
const PLAIN = ["q", "image", "namespace", "camera", "label", "from", "to", "sort", "relation", "photo"];
export const FILTERS = ["namespace", "camera", "label", "from", "to", "min"];

export const read = (search) => {
  const found = new URLSearchParams(search);
  const state = { ...NOTHING, terms: [], min: {} };
  if (VIEWS.includes(found.get("view"))) state.view = found.get("view");
  for (const name of PLAIN) {
    const value = (found.get(name) ?? "").slice(0, LONGEST);
    state[name] = !FORMS[name] || FORMS[name].test(value) ? value : "";
  }
  for (const [name, value] of found) {
    if (name === "plus" && value) state.terms.push({ sign: "+", body: value });
    if (name === "minus" && value) state.terms.push({ sign: "-", body: value });
    if (name === "min") {
      const [metric, least] = value.split(":");
      if (metric && Number(least) > 0 && Number(least) <= 1) state.min[metric] = Number(least);
    }
  }
  return state;
};

export const write = (state) => {
  const found = new URLSearchParams();
  if (state.view !== "photos") found.set("view", state.view);
  for (const name of PLAIN) if (state[name]) found.set(name, state[name]);
  for (const { sign, body } of state.terms) found.append(sign === "-" ? "minus" : "plus", body);
  for (const [metric, least] of Object.entries(state.min)) {
    if (least > 0) found.append("min", metric + ":" + least);
  }
  const text = found.toString();
  return text ? "?" + text : "";
};

/** Whether something is searched for, rather than all photos shown. */
export const searches = (state) => Boolean(sofar(state.q) || state.terms.length || state.image);

/** A state with changes. Hits and all photos have orders of their own: neither is kept for the other. */
export const changed = (state, changes) => {
  const next = { ...state, ...changes };
  return "sort" in changes || searches(next) === searches(state) ? next : { ...next, sort: "" };
};

/** How many filters are set. */
export const filtered = (state) =>
  FILTERS.filter((name) => name !== "min" && state[name]).length + Object.keys(state.min).length;

/** What distinguishes one list of photos from another. */
export const listing = (state) =>
  JSON.stringify([state.q.trim(), state.terms, state.image, ...FILTERS.map((name) => state[name])]);
