// Pictures from the server. An <img> cannot send a token: where there is one, fetch can.

import { address, ask } from "./api.js";
import { current } from "./token.js";

const fetched = new WeakMap(); // img -> {controller, url}

/** Let an <img> show what lies at an address of the API. */
export const show = (img, path, query) => {
  drop(img);
  if (!current()) {
    img.src = address(path, query);
    return;
  }
  const controller = new AbortController();
  const held = { controller, url: "" };
  fetched.set(img, held);
  ask(path, { query, signal: controller.signal, accept: "image/*" })
    .then((response) => response.blob())
    .then((blob) => {
      if (controller.signal.aborted) return;
      held.url = URL.createObjectURL(blob);
      img.src = held.url;
    })
    .catch((error) => {
      if (error.name !== "AbortError") img.dispatchEvent(new Event("error"));
    });
};

/** Stop loading, and give back what the picture holds. */
export const drop = (img) => {
  const held = fetched.get(img);
  if (held) {
    held.controller.abort();
    if (held.url) URL.revokeObjectURL(held.url);
    fetched.delete(img);
  }
  img.removeAttribute("src");
};

const SIDES = [160, 320, 640];

/** A thumbnail's address, large enough for a box in CSS pixels. */
export const thumbnail = (id, longest) => {
  const wanted = longest * Math.min(2, devicePixelRatio || 1);
  const side = SIDES.find((each) => each >= wanted * 0.9) ?? SIDES.at(-1);
  return ["photos/" + id + "/thumbnail", { side }];
};

export const showThumbnail = (img, id, longest) => show(img, ...thumbnail(id, longest));

/** Offer a file for download under its name, token or not. */
export const download = async (path, name) => {
  const link = document.createElement("a");
  link.download = name;
  if (!current()) {
    link.href = address(path);
    link.click();
    return;
  }
  const blob = await (await ask(path, { accept: "*/*" })).blob();
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
