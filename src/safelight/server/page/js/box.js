// The search box: live while one types; Enter turns signed terms into chips.

import { byId } from "./dom.js";
import { asTerm, split } from "./query.js";
import { addTerm, removeLast } from "./terms.js";
import { go, here } from "./where.js";

const PAUSE = 180; // milliseconds without a key, then it is searched

export const startBox = () => {
  const input = byId("query");
  let timer = 0;
  let typing = false; // within one spell of typing the address is replaced, not added to

  const search = () => {
    clearTimeout(timer);
    if (input.value === here().q && here().view === "photos") return;
    go({ q: input.value, view: "photos", photo: "" }, { replace: typing });
    typing = true;
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE);
  });
  input.addEventListener("blur", () => {
    typing = false;
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    const { text, terms } = split(input.value);
    if (terms.length) {
      const others = here().terms.filter((term) => !terms.some(({ body }) => body === term.body));
      go({ view: "photos", photo: "", q: text, terms: [...others, ...terms] }, { replace: typing });
      input.value = text;
    } else search();
    typing = false;
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
      clearTimeout(timer);
      const words = input.value.trim();
      input.focus();
      if (!words) return;
      input.value = "";
      addTerm(sign, asTerm(words), { q: "" });
    });
  }
  addEventListener("keydown", (event) => {
    const writes = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key !== "/" || writes || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
};

/** Show what the address says, unless it is what is being typed. */
export const showBox = (state) => {
  const input = byId("query");
  if (input.value !== state.q && (document.activeElement !== input || input.value.trim() !== state.q.trim())) {
    input.value = state.q;
  }
};
