// Filters: which photos are looked among. The choices are what the library has.

import { get } from "./api.js";
import { byId, h } from "./dom.js";
import { filtered } from "./address.js";
import { go, here } from "./where.js";
import { number, score } from "./format.js";
import { offerMetrics } from "./sort.js";

const CHOICES = [
  ["namespace", "namespaces", "name"],
  ["camera", "cameras", "name"],
  ["label", "labels", "label"],
];
const NONE = { namespaces: [], cameras: [], labels: [], metrics: [], taken: null };

let facets = NONE;

export const metrics = () => facets.metrics ?? [];

/** Fetch what can be chosen from. */
export const loadFacets = async () => {
  facets = { ...NONE, ...(await get("facets")) };
  fill();
  showFilters(here());
};

const fill = () => {
  for (const [name, list, key] of CHOICES) {
    const select = byId("filter-" + name);
    const options = facets[list].map((each) =>
      h("option", { value: each[key] }, each[key] + " (" + number(each.count) + ")"),
    );
    select.replaceChildren(h("option", { value: "" }, "any"), ...options);
    // A choice of one is none.
    select.closest(".field").hidden = facets[list].length < (name === "namespace" ? 2 : 1);
  }
  const [first, last] = [facets.taken?.first ?? "", facets.taken?.last ?? ""].map((t) => t.slice(0, 10));
  for (const name of ["from", "to"]) {
    byId("filter-" + name).min = first;
    byId("filter-" + name).max = last;
  }
  byId("dates").hidden = !facets.taken;
  byId("sliders").replaceChildren(...metrics().map(slider));
  byId("qualities").hidden = !metrics().length;
  offerMetrics(metrics());
};

const slider = (metric) => {
  const id = "least-" + metric;
  const shown = h("output", { for: id });
  const input = h("input", { type: "range", id, min: "0", max: "1", step: "0.05", "data-metric": metric });
  input.addEventListener("input", () => {
    shown.textContent = told(Number(input.value));
  });
  input.addEventListener("change", () => {
    const min = { ...here().min };
    if (Number(input.value) > 0) min[metric] = Number(input.value);
    else delete min[metric];
    go({ min });
  });
  return h("div", { class: "slider" }, h("label", { for: id }, metric), input, shown);
};

const told = (least) => (least > 0 ? "≥ " + score(least) : "any");

/** Show what the address says. */
export const showFilters = (state) => {
  for (const [name] of CHOICES) {
    const select = byId("filter-" + name);
    // What is asked for is shown, even if the library has nothing of it.
    if (state[name] && ![...select.options].some((option) => option.value === state[name])) {
      select.append(h("option", { value: state[name] }, state[name]));
    }
    select.value = state[name];
    if (state[name]) select.closest(".field").hidden = false;
  }
  byId("filter-from").value = state.from;
  byId("filter-to").value = state.to;
  for (const input of byId("sliders").querySelectorAll("input")) {
    const least = state.min[input.dataset.metric] ?? 0;
    input.value = least;
    input.setAttribute("aria-valuetext", least > 0 ? "at least " + score(least) : "any");
    input.nextElementSibling.textContent = told(least);
  }
  const count = filtered(state);
  byId("filter-count").textContent = count ? String(count) : "";
  byId("filter-count").hidden = !count;
  byId("show-filters").setAttribute("aria-label", count ? "Filters, " + count + " set" : "Filters");
  byId("clear-filters").disabled = !count;
};

export const clearFilters = () =>
  go({ namespace: "", camera: "", label: "", from: "", to: "", min: {} });

const open = (isOpen) => {
  byId("filters").hidden = !isOpen;
  byId("show-filters").setAttribute("aria-expanded", String(isOpen));
  document.body.classList.toggle("filtering", isOpen);
};

export const startFilters = () => {
  for (const name of ["namespace", "camera", "label", "from", "to"]) {
    byId("filter-" + name).addEventListener("change", (event) => go({ [name]: event.target.value }));
  }
  byId("clear-filters").addEventListener("click", clearFilters);
  byId("show-filters").addEventListener("click", () => {
    open(byId("filters").hidden);
    if (!byId("filters").hidden) byId("filters").querySelector("select, input, button")?.focus();
  });
  const close = () => {
    open(false);
    byId("show-filters").focus();
  };
  byId("hide-filters").addEventListener("click", close);
  byId("filters").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
};
