// The chips in the search box: what is wanted more (+) and not at all (-).

import { byId, h, icon } from "./dom.js";
import { photoOf, told } from "./query.js";
import { showThumbnail } from "./pictures.js";
import { here, go } from "./where.js";
import { imageOf } from "./dropped.js";

export const addTerm = (sign, body, changes = {}) => {
  const others = here().terms.filter((term) => term.body !== body);
  go({ view: "photos", photo: "", terms: [...others, { sign, body }], ...changes });
};

/** Look for photos like one of the library. */
export const moreLike = (id) =>
  go({ view: "photos", photo: "", q: "", image: "", sort: "", terms: [{ sign: "+", body: "photo:" + id }] });

const remove = (index) => {
  go({ terms: here().terms.filter((_, i) => i !== index) });
  byId("query").focus();
};

const turn = (index) => {
  const terms = here().terms.map((term, i) =>
    i === index ? { ...term, sign: term.sign === "-" ? "+" : "-" } : term,
  );
  go({ terms });
  byId("terms").querySelectorAll(".sign")[index + (here().image ? 1 : 0)]?.focus();
};

export const removeLast = () => {
  const { terms, image } = here();
  if (terms.length) remove(terms.length - 1);
  else if (image) go({ image: "" });
};

const chip = ({ sign, body }, index) => {
  const id = photoOf(body);
  const name = id ? "this photo" : told(body);
  const shown = id ? h("img", { alt: "this photo", class: "small" }) : h("span", { class: "body" }, name);
  if (id) showThumbnail(shown, id, 64);
  const less = sign === "-";
  return h(
    "li",
    { class: less ? "chip less" : "chip" },
    h(
      "button",
      {
        type: "button",
        class: "sign",
        "aria-label": (less ? "Without " : "With ") + name + "; turn it round",
        title: less ? "Less of this; click for more" : "More of this; click for less",
        onclick: () => turn(index),
      },
      less ? "−" : "+",
    ),
    shown,
    h(
      "button",
      { type: "button", class: "away", "aria-label": "Remove " + name, onclick: () => remove(index) },
      icon("close"),
    ),
  );
};

/** A small picture of what is searched with; its name, where the browser cannot show it. */
const preview = (image) => {
  const shown = h("img", { alt: "your picture " + image.name, class: "small", src: image.url });
  shown.addEventListener("error", () => shown.replaceWith(h("span", { class: "body" }, image.name)));
  return shown;
};

const imageChip = (image) =>
  h(
    "li",
    { class: "chip" },
    h("span", { class: "sign", "aria-hidden": "true" }, "≈"),
    preview(image),
    h(
      "button",
      {
        type: "button",
        class: "away",
        "aria-label": "Remove your picture",
        onclick: () => (go({ image: "" }), byId("query").focus()),
      },
      icon("close"),
    ),
  );

let shown = "";

/** Show the chips of a state; those that are there already stay, a finger may be on them. */
export const showTerms = (state) => {
  const wanted = JSON.stringify([state.terms, state.image]);
  if (wanted === shown) return;
  shown = wanted;
  const image = imageOf(state.image);
  const chips = state.terms.map(chip);
  if (image) chips.unshift(imageChip(image));
  byId("terms").replaceChildren(...chips);
  byId("terms").hidden = !chips.length;
};
