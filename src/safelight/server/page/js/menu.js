// The menu: light or dark, help, signing out; and what the server is.

import { byId, h } from "./dom.js";
import { count } from "./format.js";
import { setShortcuts, shortcuts } from "./shortcuts.js";
import { signOut } from "./signin.js";
import { setTheme, theme } from "./theme.js";
import { current } from "./token.js";

const KNOWN = "safelight.starter-known";

let isStarter = false;

/** Say once what to expect of the starter model, where something is searched for. */
export const showStarter = (searching) => {
  byId("starter").hidden = !(searching && isStarter) || localStorage.getItem(KNOWN) === "1";
};

export const startMenu = () => {
  for (const input of document.querySelectorAll("input[name=theme]")) {
    input.checked = input.value === theme();
    input.addEventListener("change", () => setTheme(input.value));
  }
  byId("shortcuts").checked = shortcuts();
  byId("shortcuts").addEventListener("change", (event) => setShortcuts(event.target.checked));
  byId("show-menu").addEventListener("click", () => byId("menu").showModal());
  byId("menu-close").addEventListener("click", () => byId("menu").close());
  byId("starter-known").addEventListener("click", () => {
    localStorage.setItem(KNOWN, "1");
    showStarter(false);
    byId("query").focus();
  });
  byId("sign-out").addEventListener("click", signOut);
  for (const dialog of document.querySelectorAll("dialog.light")) {
    // A click beside it closes it.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }
  addEventListener("keydown", (event) => {
    const writes = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key !== "?" || writes || !shortcuts() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    byId("menu").showModal();
  });
};

/** Say what the server has, and what its model can do. */
export const showMenu = ({ library, model, version, may_write: may }) => {
  byId("sign-out").hidden = !current();
  byId("about").replaceChildren(
    ...[
      library ? count(library.photos, "photo") : "",
      model ? "model " + model.name : "",
      version ? "safelight " + version : "",
      may === false ? "read only" : "",
    ]
      .filter(Boolean)
      .map((text) => h("li", {}, text)),
  );
  isStarter = Boolean(model?.is_starter);
};
