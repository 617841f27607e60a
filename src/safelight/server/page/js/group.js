// One group of duplicates: its photos side by side, the keeper, and why.

import { h, icon } from "./dom.js";
import { bytes, number, parts, score, time } from "./format.js";
import { showThumbnail } from "./pictures.js";
import { evidence, inWords, keptTogether } from "./relations.js";

/** Files that would go if the one at a path is kept. One photo can be in several files. */
export const going = (group, kept) => (kept === null ? [] : group.photos.filter((photo) => photo.path !== kept));

/**
 * Make the card of a group.
 *
 * @param {object} group as the API gives it
 * @param {object} does what its buttons do: accept, keepBoth, notDuplicates, takeBack, choose, open
 */
export const groupCard = (group, does) => {
  const name = h("h2", { id: "group-" + group.group }, group.photos.length + " photos: " + inWords(group.relation));
  const told = h("p", { class: "faint" });
  const photos = h("ol", { class: "side-by-side" });
  const buttons = h("div", { class: "buttons" });
  const outcome = h("p", { class: "outcome" });
  const card = h(
    "article",
    { class: "group", tabindex: "-1", "aria-labelledby": name.id, "data-group": group.group },
    h("header", {}, name, told),
    photos,
    why(group),
    buttons,
    outcome,
  );
  const together = keptTogether(group.relation);
  photos.append(...group.photos.map((photo, i) => side(photo, i, group, does)));
  outcome.hidden = true;

  const button = (text, key, action, main) =>
    h(
      "button",
      { type: "button", class: main ? "button main" : "button", "aria-keyshortcuts": key, onclick: action },
      text,
      h("kbd", { "aria-hidden": "true" }, key),
    );
  if (together) {
    told.textContent = "These belong together, so none can be deleted.";
  } else {
    const accept = button("Accept", "A", () => does.accept(group), true);
    accept.dataset.accept = "";
    buttons.append(accept);
  }
  buttons.append(
    button(group.photos.length > 2 ? "Keep all" : "Keep both", "B", () => does.keepBoth(group)),
    button("Not duplicates", "N", () => does.notDuplicates(group)),
  );

  /** Show which photo is kept, and what was decided. */
  const show = ({ keeper, state }) => {
    card.dataset.state = state;
    [...photos.children].forEach((item, i) => {
      const kept = group.photos[i].path === keeper;
      const safe = kept || keeper === null || together || state === "keep-both" || state === "not-duplicates";
      item.classList.toggle("kept", kept);
      item.classList.toggle("going", !safe);
      item.querySelector("input").checked = kept;
      item.querySelector(".fate").textContent = kept ? "Keep" : safe ? "Stays" : "Would go";
    });
    if (!together) {
      told.textContent = keeper === null ? "No keeper is chosen. Choose the photo to keep." : saved(group, keeper);
      buttons.querySelector("[data-accept]").disabled = keeper === null;
    }
    const decided = {
      accepted: "In the plan. Nothing has been touched yet.",
      "keep-both": "Kept; they are not suggested again.",
      "not-duplicates": "Not duplicates; they are not suggested again.",
    }[state];
    buttons.hidden = Boolean(decided);
    outcome.hidden = !decided;
    outcome.replaceChildren();
    if (decided) {
      outcome.append(
        h("span", {}, decided),
        h(
          "button",
          { type: "button", class: "button", "aria-keyshortcuts": "U", onclick: () => does.takeBack(group) },
          "Take back",
          h("kbd", { "aria-hidden": "true" }, "U"),
        ),
      );
    }
  };
  /** Show the reasons that fit the chosen keeper: a list for each path. */
  const explain = (reasons) => {
    [...photos.children].forEach((item, i) => {
      const list = item.querySelector(".reasons");
      const told = (reasons.get(group.photos[i].path) ?? []).map((reason) => h("li", {}, reason));
      list.replaceChildren(...told);
      list.hidden = !told.length;
    });
  };
  return { card, show, explain };
};

const saved = (group, keeper) => {
  const size = going(group, keeper).reduce((sum, photo) => sum + (photo.size ?? 0), 0);
  return size ? bytes(size) + " to save" : "";
};

const side = (photo, index, group, does) => {
  const { folder, name } = parts(photo.path);
  const image = h("img", { alt: name, decoding: "async", loading: "lazy" });
  showThumbnail(image, photo.photo_id, 320);
  const radio = h("input", {
    type: "radio",
    name: "keeper-" + group.group,
    value: index,
    onchange: () => does.choose(group, photo.path),
  });
  const choosable = !keptTogether(group.relation);
  radio.hidden = !choosable;
  const scores = Object.entries(photo.scores ?? {}).filter(([, value]) => value !== null);
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "look", "aria-label": "Look at " + name, onclick: () => does.open(group, index) },
      image,
    ),
    h(
      "label",
      { class: "choice" },
      radio,
      h("span", { class: "fate" }),
      h("kbd", { "aria-hidden": "true" }, index < 9 && choosable ? index + 1 : ""),
    ),
    h("h3", { title: photo.path }, h("bdi", {}, h("span", { class: "faint" }, tail(folder)), name)),
    h(
      "p",
      { class: "data" },
      [
        photo.width ? number(photo.width) + " × " + number(photo.height) : "",
        photo.format,
        photo.size ? bytes(photo.size) : "",
      ]
        .filter(Boolean)
        .join(" · "),
    ),
    photo.taken_at ? h("p", { class: "data" }, time(photo.taken_at)) : null,
    scores.length
      ? h("p", { class: "data" }, scores.map(([metric, value]) => metric + " " + score(value)).join(" · "))
      : null,
    h(
      "ul",
      { class: "reasons", hidden: !photo.reasons?.length },
      (photo.reasons ?? []).map((reason) => h("li", {}, reason)),
    ),
  );
};

/** The last folder of a path; the whole is in the title. */
const tail = (folder) => folder.split(/(?<=[/\\])/).slice(-1)[0] ?? "";

const why = (group) => {
  const names = new Map(group.photos.map((photo) => [photo.photo_id, parts(photo.path).name]));
  const lines = (group.edges ?? []).map(({ a, b, relation, evidence: found }) => {
    const told = evidence(found);
    return h(
      "li",
      {},
      (names.get(a) ?? a.slice(0, 8)) + " and " + (names.get(b) ?? b.slice(0, 8)) + ": " + inWords(relation),
      told ? h("span", { class: "faint" }, " (" + told + ")") : "",
    );
  });
  return lines.length
    ? h("details", {}, h("summary", {}, icon("info"), "How they are related"), h("ul", { class: "edges" }, lines))
    : null;
};
