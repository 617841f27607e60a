// One photo, large, with all that is known about it.

import { announce, note } from "./announce.js";
import { get } from "./api.js";
import { NOTHING } from "./address.js";
import { byId, h } from "./dom.js";
import { facts } from "./facts.js";
import { count, parts } from "./format.js";
import { download, drop, show, showThumbnail } from "./pictures.js";
import { shortcuts } from "./shortcuts.js";
import { fit, isZoomed, LARGE, sized, startStage, WHOLE, zoom } from "./stage.js";
import { go, here, leave } from "./where.js";

let neighbours = () => null; // the list that next and previous walk through
let detail = null;
let asked = null;
let shown = ""; // the photo's id
let sought = ""; // the photo whose place in the list was asked for

const dialog = () => byId("photo");
const frame = () => byId("photo-frame");
const image = () => byId("photo-image");
const map = () => byId("photo-map");

/** Show the photo of a state, or close the view. */
export const showPhoto = async (state) => {
  const id = state.photo;
  if (dialog().open && id === shown) return;
  asked?.abort();
  if (!id) {
    if (dialog().open) dialog().close();
    return;
  }
  shown = id;
  sought = "";
  asked = new AbortController();
  const { signal } = asked;
  if (!dialog().open) dialog().showModal();
  zoom(false);
  withMap(false);
  reset();
  const card = nearby(id);
  if (card) {
    byId("photo-name").textContent = parts(card.path).name;
    sized(card);
    showThumbnail(image(), id, 320);
  }
  step();
  try {
    detail = await get("photos/" + id, {}, signal);
    if (signal.aborted) return;
    reveal(id, card);
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("photo-facts").replaceChildren(
      h("p", { class: "bad", role: "alert" }, error.message),
    );
  }
};

const reset = () => {
  detail = null;
  whole.id = "";
  drop(image());
  drop(map());
  frame().classList.remove("lost");
  byId("photo-name").textContent = "Photo";
  byId("photo-folder").textContent = "";
  byId("photo-facts").replaceChildren(h("p", { class: "faint" }, "Loading …"));
  byId("photo-focus").hidden = true;
};

const reveal = (id, card) => {
  const file = detail.files.find((each) => !each.missing) ?? detail.files[0];
  const { folder, name } = parts(file?.path ?? id);
  byId("photo-name").textContent = name;
  byId("photo-folder").textContent = folder;
  document.title = name + " — safelight";
  image().alt = name;
  sized(detail);
  byId("photo-facts").replaceChildren(...facts(detail, card));
  byId("photo-focus").hidden = !detail.scores?.some((s) => s.metric === "focus" && s.status === "ok");
  // The large one takes the small one's place when it is there, not before.
  replaceBy(id, LARGE);
  announce(name, { now: true });
};

const replaceBy = (id, side) => {
  const large = new Image();
  large.addEventListener("load", () => {
    if (here().photo !== id || image().naturalWidth >= large.naturalWidth) return drop(large);
    const old = image();
    large.id = old.id;
    large.alt = old.alt;
    drop(old);
    return old.replaceWith(large);
  });
  large.addEventListener("error", () => {
    if (here().photo === id && !image().naturalWidth) frame().classList.add("lost");
  });
  show(large, "photos/" + id + "/image", { side });
};

/** Once somebody looks closely, with all pixels that the photo has. */
const whole = () => {
  const longest = Math.max(detail?.width ?? 0, detail?.height ?? 0);
  if (longest > LARGE && whole.id !== detail.photo_id) {
    whole.id = detail.photo_id;
    replaceBy(detail.photo_id, Math.min(longest, WHOLE));
  }
};

const nearby = (id) => {
  const list = neighbours();
  const index = list?.indexOf(id) ?? -1;
  return index < 0 ? null : list.at(index);
};

const withMap = (on) => {
  byId("photo-focus").setAttribute("aria-pressed", String(on));
  frame().classList.toggle("mapped", on);
  if (!on) return;
  if (!map().src) show(map(), "photos/" + here().photo + "/focus");
  announce("The brighter the amber, the sharper the photo is there.", { now: true });
};

const pressed = (id) => byId(id).getAttribute("aria-pressed") === "true";
const toggleMap = () => byId("photo-focus").hidden || withMap(!pressed("photo-focus"));
const toggleZoom = () => {
  zoom(!isZoomed());
  if (isZoomed()) whole();
};
const toggleFacts = () => {
  const on = byId("photo-about").hidden;
  byId("photo-about").hidden = !on;
  byId("photo-info").setAttribute("aria-pressed", String(on));
  fit();
};

/** The photo `by` places further on, if it is known. */
const beside = async (by) => {
  let list = neighbours();
  const index = list?.indexOf(here().photo) ?? -1;
  const next = index + by;
  if (index < 0 || next < 0) return;
  if (next >= list.total) {
    if (!(await list.more?.())) return;
    list = neighbours();
  }
  if (!list.at(next)) await list.loadAt(next);
  const card = list.at(next);
  if (card) go({ photo: card.photo_id }, { replace: true });
};

/** Tell where the photo stands, and what lies beside it, as soon as that is known. */
export const step = () => {
  const list = neighbours();
  const id = here().photo;
  const index = list?.indexOf(id) ?? -1;
  if (id && list && index < 0 && sought !== id) {
    sought = id; // once: it may be in none of its pages
    list.locate?.(id).then((is) => is && step()).catch(() => {});
  }
  byId("photo-previous").disabled = index <= 0;
  byId("photo-next").disabled = index < 0 || index >= list.total - 1;
  byId("photo-place").textContent =
    index < 0 ? "" : (index + 1).toLocaleString("en") + " of " + count(list.total, "photo");
};

export const openPhoto = (id, list) => {
  neighbours = () => list;
  go({ photo: id });
};

const close = () => leave({ ...here(), photo: "" });

/**
 * @param {{list: () => object, onClose: (id: string) => void}} options
 *   the list to walk through, unless one was given with the photo, and what to do afterwards
 */
export const startPhoto = ({ list, onClose }) => {
  neighbours = list;
  dialog().addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog().addEventListener("close", () => {
    drop(image());
    drop(map());
    neighbours = list;
    onClose(shown);
    shown = "";
  });
  byId("photo-close").addEventListener("click", close);
  byId("photo-previous").addEventListener("click", () => beside(-1));
  byId("photo-next").addEventListener("click", () => beside(1));
  byId("photo-focus").addEventListener("click", toggleMap);
  byId("photo-zoom").addEventListener("click", toggleZoom);
  byId("photo-info").addEventListener("click", toggleFacts);
  byId("photo-more").addEventListener("click", () => {
    const id = here().photo;
    go({ ...NOTHING, terms: [{ sign: "+", body: "photo:" + id }] });
  });
  byId("photo-less").addEventListener("click", () => {
    const body = "photo:" + here().photo;
    const terms = [...here().terms.filter((term) => term.body !== body), { sign: "-", body }];
    go({ view: "photos", photo: "", terms });
  });
  byId("photo-original").addEventListener("click", () =>
    download("photos/" + here().photo + "/original", byId("photo-name").textContent).catch((error) =>
      note(error.message, { bad: true }),
    ),
  );
  byId("stage").addEventListener("dblclick", toggleZoom);
  dialog().addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (isZoomed() && event.key.startsWith("Arrow")) return; // they move what is seen of it
    if (event.key.length === 1 && !shortcuts()) return;
    const does = {
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
      f: toggleMap,
      z: toggleZoom,
      i: toggleFacts,
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });
  startStage({ onSwipe: beside });
  map().addEventListener("error", () => {
    withMap(false);
    drop(map());
    note("There is no focus map for this photo.", { bad: true });
  });
};
