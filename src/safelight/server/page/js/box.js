// The search box: live while one types; Enter turns signed terms into chips.

import { get } from "./api.js";
import { byId, h } from "./dom.js";
import { asTerm, split } from "./query.js";
import { shortcuts } from "./shortcuts.js";
import { addTerm, removeLast } from "./terms.js";
import { go, here } from "./where.js";

const PAUSE = 180; // milliseconds without a key, then it is searched

const THOUGHT = 1500; // milliseconds without a key, then nobody is typing any more

let lastKey = -Infinity;
let waiting = null; // the action for when typing stops
let thinking = 0;

const typed = () => {
  clearTimeout(thinking);
  lastKey = -Infinity;
  const call = waiting;
  waiting = null;
  call?.();
};

/** Call `action`: at once, or, with `patiently`, when nobody types any more. */
export const whenTyped = (patiently, action) => {
  const left = lastKey + THOUGHT - performance.now();
  if (!patiently || left <= 0) return action();
  waiting = action;
  clearTimeout(thinking);
  thinking = setTimeout(typed, left);
};

// A filter whose value is being typed, at the end: the server knows the values, with their photos.
const FILTER = /(?:^|[\s(])[+-]?[a-z]+:(?!\s)[^]*$/i;

let asked = 0;

/** Offer what the last filter can go on with. */
const offer = async (input) => {
  const turn = (asked += 1);
  const found = FILTER.test(input.value) ? await get("complete", { q: input.value }).catch(() => null) : null;
  if (turn !== asked) return; // typed on since
  const completions = found?.completions ?? [];
  byId("completions").replaceChildren(
    ...completions.map(({ text, photos }) =>
      h("option", { value: text }, photos === null ? "" : photos.toLocaleString() + " photos"),
    ),
  );
  if (completions.length) input.setAttribute("list", "completions");
  else input.removeAttribute("list");
};

let timer = 0; // runs while something typed has not been searched for yet

export const startBox = () => {
  const input = byId("query");
  let typing = false; // within one spell of typing the address is replaced, not added to

  const stop = () => {
    clearTimeout(timer);
    timer = 0;
  };
  const search = () => {
    stop();
    if (input.value === here().q && here().view === "photos") return;
    go({ q: input.value, view: "photos", photo: "" }, { replace: typing });
    typing = true;
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  };

  input.addEventListener("input", () => {
    lastKey = performance.now();
    waiting = null;
    soon();
    offer(input);
  });
  if (input.value) soon(); // typed before this script was there
  // What was typed last is not lost to a click that comes before the pause has passed.
  input.addEventListener("blur", () => {
    if (timer) search();
    typing = false;
    typed();
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    stop();
    const { text, terms } = split(input.value);
    if (terms.length) {
      const others = here().terms.filter((term) => !terms.some(({ body }) => body === term.body));
      go({ view: "photos", photo: "", q: text, terms: [...others, ...terms] }, { replace: typing });
      input.value = text;
    } else search();
    typing = false;
    typed();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !input.value) removeLast();
    if (event.key === "ArrowDown") {
      event.preventDefault();
      byId("grid").querySelector('[tabindex="0"]')?.focus();
    }
  });
  for (const [id, sign] of [["add-more", "+"], ["add-less", "-"]]) {
    byId(id).addEventListener("click", () => {
      stop();
      const words = input.value.trim();
      input.focus();
      if (!words) return;
      input.value = "";
      addTerm(sign, asTerm(words), { q: "" });
    });
  }
  addEventListener("keydown", (event) => {
    const writes = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key !== "/" || writes || !shortcuts() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
};

/** Show what the address says, unless something else is being typed. */
export const showBox = (state) => {
  const input = byId("query");
  if (!timer && input.value.trim() !== state.q.trim()) input.value = state.q;
};
