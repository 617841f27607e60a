// What changes out of sight, said aloud by screen readers; and short notes that everybody sees.

import { byId, h } from "./dom.js";

const SHORT = 6000; // milliseconds that a note is shown
const LONG = 15000;

let timer = 0;

/** Say something when the user has stopped typing. */
export const announce = (text, { now = false } = {}) => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    // What lies beneath an open dialog is not heard.
    const region = document.querySelector("dialog[open] > .live, body > .live");
    region.textContent = text;
  }, now ? 0 : 500);
};

/** Show a note for some seconds, with a way back if there is one. */
export const note = (text, { bad = false, undo = null } = {}) => {
  const shown = h("p", { class: bad ? "note bad" : "note" }, h("span", {}, text));
  const gone = () => shown.remove();
  if (undo) {
    shown.append(
      h("button", { type: "button", class: "plain", onclick: () => (gone(), undo()) }, "Undo"),
    );
  }
  shown.append(
    h("button", { type: "button", class: "plain", onclick: gone, "aria-label": "Close this note" }, "×"),
  );
  (document.querySelector("dialog[open]") ?? document.body).append(byId("notes"));
  byId("notes").replaceChildren(shown);
  announce(text, { now: true });
  if (bad) return;
  // One that can be taken back stays a while, and a little longer for those who are about to.
  const leave = (patience) => {
    if (undo && patience > 0 && shown.matches(":hover, :focus-within")) {
      setTimeout(() => leave(patience - 1), 1000);
    } else gone();
  };
  setTimeout(() => leave(15), undo ? LONG : SHORT);
};
