// The order of photos: what can be chosen, and what is.

import { byId, h } from "./dom.js";
import { searches } from "./address.js";
import { go, here } from "./where.js";

/** Offer the metrics that the library has scores of. */
export const offerMetrics = (metrics) => {
  const select = byId("sort");
  select.querySelector("optgroup")?.remove();
  if (metrics.length) {
    const best = metrics.map((name) => h("option", { value: "-score:" + name }, name + ", best first"));
    const worst = metrics.map((name) => h("option", { value: "score:" + name }, name + ", worst first"));
    select.append(h("optgroup", { label: "Quality" }, best, worst));
  }
  showSort(here()); // the address may have named one before it could be chosen
};

/** Show what the address says. */
export const showSort = (state) => {
  const select = byId("sort");
  const searching = searches(state);
  // All photos come newest first, and for hits that is one order among others.
  const [usual, newest] = select.options;
  usual.textContent = searching ? "best match first" : "newest first";
  newest.hidden = newest.disabled = !searching;
  select.value = state.sort === "-taken" && !searching ? "" : state.sort;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
};

export const startSort = () =>
  byId("sort").addEventListener("change", (event) => go({ sort: event.target.value }));
