// The view of photos: all of them, or what is searched for.

import { announce, note } from "./announce.js";
import { ask, post } from "./api.js";
import { filtered, listing, searches } from "./address.js";
import { byId, h } from "./dom.js";
import { whenTyped } from "./box.js";
import { imageOf } from "./dropped.js";
import { clearFilters, showFilters } from "./filters.js";
import { count, number } from "./format.js";
import { Grid } from "./grid.js";
import { browsed, found } from "./lists.js";
import { sofar } from "./query.js";
import { showStarter } from "./menu.js";
import { session } from "./session.js";
import { showSort, startSort } from "./sort.js";
import { go, here } from "./where.js";

// How many of the nearest are asked for, and then on demand. In an order of their own fewer at first,
// since what fits worst would stand among what fits best.
const NEAREST = [200, 1000];
const ORDERED = [50, ...NEAREST];

let grid = null;
let photos = null;
let shown = ""; // what the grid shows, as `wanted` says it
let running = null;
let nearToo = null; // the list in which what is only near was asked for
let demanded = 0; // how often more was asked for
let onListed = () => {};

export const listed = () => photos;
export const focusPhoto = (id) => {
  const index = photos?.indexOf(id) ?? -1;
  if (index >= 0) grid.focus(index);
};

const steps = (state) => (state.sort ? ORDERED : NEAREST);
const limitOf = (state) => steps(state)[demanded];
const wanted = (state) => listing(state) + state.sort + "/" + demanded;

/** Show the photos of a state, unless they are shown already. */
export const showLibrary = async (state, before) => {
  if (state.image && !imageOf(state.image)) {
    note("Reloading the page forgets the picture that you searched with.");
    go({ image: "" }, { replace: true });
    return;
  }
  showFilters(state);
  if (!before || listing(before) !== listing(state) || before.sort !== state.sort) demanded = 0;
  showSort(state);
  if (wanted(state) !== shown) await run(state);
  else grid.render();
};

/** Show them again, because the library has changed. */
export const refresh = () => {
  shown = "";
  if (here().view === "photos") run(here());
};

const run = async (state, { stay = false } = {}) => {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  shown = wanted(state);
  const slow = setTimeout(() => byId("photos-view").setAttribute("aria-busy", "true"), 150);
  try {
    const result = searches(state)
      ? await searched(state, controller.signal)
      : { photos: await browsed(state, controller.signal) };
    if (controller.signal.aborted) return;
    photos = result.photos;
    byId("failure").hidden = true;
    if (!stay) scrollTo(0, 0);
    grid.show(photos);
    tell(state, result);
    onListed();
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = "";
    // Half a query is not a mistake; it becomes one when nobody goes on typing.
    whenTyped(error.status === 400 || error.status === 422, () => {
      if (running !== controller) return;
      nothingListed();
      fail(error, () => run(here()));
    });
  } finally {
    clearTimeout(slow);
    if (running === controller) byId("photos-view").removeAttribute("aria-busy");
  }
};

/** Show no photos: those of an earlier search would pass for what was found. */
const nothingListed = () => {
  photos = found([]);
  grid.show(photos);
  byId("count").textContent = "";
  for (const id of ["weak", "remarks", "more", "near", "empty", "scores", "starter"]) byId(id).hidden = true;
  onListed();
};

/** Ask for more hits, if there may be any; return whether there were. */
const showMore = async () => {
  const state = here();
  if (byId("more").hidden || !searches(state)) return false;
  const before = photos.total;
  demanded += 1;
  await run(state, { stay: true });
  return photos.total > before;
};

const searched = async (state, signal) => {
  const request = {
    limit: limitOf(state),
    plus: state.terms.filter(({ sign }) => sign !== "-").map(({ body }) => body),
    minus: state.terms.filter(({ sign }) => sign === "-").map(({ body }) => body),
    min: state.min,
  };
  const query = sofar(state.q);
  if (query) request.query = query;
  for (const name of ["namespace", "camera", "label", "from", "to", "sort"]) {
    if (state[name]) request[name] = state[name];
  }
  const image = imageOf(state.image);
  let body = request;
  if (image) {
    body = new FormData();
    body.append("request", JSON.stringify(request));
    body.append("image", image.file, image.name);
  }
  const result = image
    ? await (await ask("images/search", { method: "POST", body, signal })).json()
    : await post("images/search", body, signal);
  const matches = result.hits.filter(({ match }) => match);
  // Where nothing matches, the nearest are shown, and the page says so.
  const shows = result.weak || nearToo === listing(state) ? result.hits : matches;
  return { ...result, near: result.hits.length - shows.length, photos: found(shows, showMore) };
};

const listName = (state) => {
  if (!searches(state)) return "All photos";
  return state.sort ? "Photos found" : "Photos found, best first";
};

const tell = (state, result) => {
  const searching = searches(state);
  const total = result.photos.total;
  const isFull = total === limitOf(state);
  byId("count").textContent = count(total, "photo") + (searching && isFull ? ", the nearest" : "");
  byId("near").hidden = !(searching && result.near > 0);
  byId("near").textContent = "Show " + number(result.near ?? 0) + " more that " +
    (result.near === 1 ? "was" : "were") + " only near";
  byId("grid").setAttribute("aria-label", listName(state));
  byId("scores").hidden = !searching;
  const took = result.took_ms === undefined ? "" : " in " + Math.max(1, Math.round(result.took_ms)) + " ms";
  announce(searching ? count(total, "photo") + " found" + took + "." : count(total, "photo") + ".");
  showStarter(searching);
  const isWeak = Boolean(searching && result.weak && total);
  byId("weak").hidden = !isWeak;
  // The first note of a weak answer says what the line above says.
  const notes = searching ? (result.notes || []).slice(isWeak ? 1 : 0) : [];
  byId("remarks").textContent = notes.join(" ");
  byId("remarks").hidden = notes.length === 0;
  byId("more").hidden = !(searching && isFull && demanded < steps(state).length - 1);
  byId("empty").hidden = total > 0;
  if (!total) byId("empty").replaceChildren(...nothing(state, searching));
};

const nothing = (state, searching) => {
  if (!searching && !filtered(state)) {
    return [
      h("h2", {}, "No photos yet"),
      h("p", {}, "Add photos to search them by their content."),
      session().may_write ? h("p", {}, h("a", { class: "button main", href: "?view=add" }, "Add photos")) : "",
    ];
  }
  return [
    h("h2", {}, "Nothing found"),
    h("p", {}, filtered(state) ? "No photo passes the filters." : "Try other words, or fewer terms."),
    filtered(state)
      ? h("p", {}, h("button", { type: "button", class: "button", onclick: clearFilters }, "Clear the filters"))
      : "",
  ];
};

/** Say what failed, and offer to try again. */
export const fail = (error, again) => {
  byId("failure").hidden = false;
  byId("failure-title").textContent =
    error.status === 401 ? "A token is needed" : error.status ? "Something went wrong" : "No answer";
  byId("failure-text").textContent = error.message;
  byId("retry").onclick = () => {
    byId("failure").hidden = true;
    again();
  };
};

const pressed = (button) => button.getAttribute("aria-pressed") === "true";

/** @param {{onListed: () => void}} options told when other photos are listed */
export const startLibrary = (options) => {
  onListed = options.onListed;
  const onFail = (error) => {
    // The server keeps a list for an hour: after that it is asked for again.
    if (error.code === "cursor-expired") refresh();
    else fail(error, () => grid.retry());
  };
  grid = new Grid(byId("grid"), { onFail });
  startSort();
  byId("more").addEventListener("click", showMore);
  byId("near").addEventListener("click", () => {
    nearToo = listing(here());
    run(here(), { stay: true });
  });
  // In the order of the match they simply go on; in another one, more of them mixes up what is there.
  new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && !here().sort && here().view === "photos") showMore();
  }, { rootMargin: "400px" }).observe(byId("more"));
  const scores = byId("scores");
  const withScores = (on) => {
    scores.setAttribute("aria-pressed", String(on));
    byId("grid").classList.toggle("scored", on);
    localStorage.setItem("safelight.scores", on ? "1" : "");
  };
  withScores(localStorage.getItem("safelight.scores") === "1");
  scores.addEventListener("click", () => withScores(!pressed(scores)));

  const size = byId("size");
  size.value = localStorage.getItem("safelight.size") ?? size.value;
  const sized = () => {
    grid.resize(Number(size.value));
    size.setAttribute("aria-valuetext", "rows of " + number(size.value) + " pixels");
  };
  sized();
  size.addEventListener("input", () => {
    sized();
    localStorage.setItem("safelight.size", size.value);
  });
};
