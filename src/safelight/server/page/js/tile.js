// One photo in the grid.

import { write } from "./address.js";
import { h } from "./dom.js";
import { cosine, parts, time } from "./format.js";
import { drop, showThumbnail } from "./pictures.js";
import { here } from "./where.js";

const WAITS = [1, 2, 4, 8, 16, 30, 30, 30, 60, 60, 60].map((seconds) => 1000 * seconds);

/** Make a tile; `fill` it when its photo is known, `place` it, and let it `go`. */
export const tile = (index, total) => {
  const image = h("img", { alt: "", decoding: "async", draggable: "false" });
  const link = h("a", { class: "shot", tabindex: "-1" }, image);
  const item = h(
    "li",
    { class: "tile", "aria-posinset": index + 1, "aria-setsize": total },
    link,
  );
  let timer = 0;
  let card = null;

  let longest = 0;
  let tries = 0;

  image.addEventListener("load", () => {
    item.classList.remove("lost");
    item.classList.add("loaded");
    tries = 0;
  });
  image.addEventListener("error", () => {
    item.classList.add("lost");
    image.alt = "";
    // A server that was started again, or is busy: ask once more, ever less often.
    if (tries < WAITS.length) timer = setTimeout(again, WAITS[tries] * (0.8 + 0.4 * Math.random()));
    tries += 1;
  });
  const again = () => {
    if (item.isConnected) showThumbnail(image, card.photo_id, longest);
  };

  const fill = (found, size, inSight) => {
    card = found;
    longest = size;
    const { name } = parts(card.path);
    const taken = card.taken_at ? ", " + time(card.taken_at) : "";
    const scored = card.score === null || card.score === undefined ? "" : cosine(card.score);
    link.href = write({ ...here(), photo: card.photo_id }) || "./";
    const stack = card.stack > 1 ? ", stack of " + card.stack : "";
    const matched = card.matched ? ", by its " + card.matched : "";
    link.setAttribute("aria-label", name + taken + (scored ? ", match " + scored : "") + matched + stack);
    link.title = name + taken + matched + stack;
    link.append(h("span", { class: "name", "aria-hidden": "true" }, name));
    if (stack) link.append(h("span", { class: "stack", "aria-hidden": "true" }, "×" + card.stack));
    if (scored) link.append(h("span", { class: "match", "aria-hidden": "true" }, scored));
    // Tiles that only fly past ask for nothing; those in sight come first.
    timer = setTimeout(() => showThumbnail(image, card.photo_id, longest), inSight ? 40 : 160);
  };

  const place = (box) => {
    item.style.transform = "translate(" + box.x + "px, " + box.y + "px)";
    item.style.inlineSize = box.width + "px";
    item.style.blockSize = box.height + "px";
  };

  const go = () => {
    clearTimeout(timer);
    drop(image);
    item.remove();
  };

  return { item, link, fill, place, go, isFilled: () => card !== null };
};
