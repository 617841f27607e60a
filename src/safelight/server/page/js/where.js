// Where the user is: the address, and who wants to know when it changes.

import { changed, NOTHING, read, write } from "./address.js";

let current = read(location.search);
const listeners = [];

export const here = () => current;
export const onMove = (listener) => listeners.push(listener);

/** Go elsewhere: `changes` to where one is. `replace` keeps the back button leading where it led. */
export const go = (changes, { replace = false } = {}) => {
  const before = current;
  current = changed(current, changes);
  const address = write(current);
  if (address !== write(before)) {
    const entry = { deep: replace ? history.state?.deep : true };
    history[replace ? "replaceState" : "pushState"](entry, "", address || "./");
  }
  for (const listener of listeners) listener(current, before);
};

/** Go back to where this page led from, or, if it was opened here, to `changes`. */
export const leave = (changes) => {
  if (history.state?.deep) history.back();
  else go(changes, { replace: true });
};

addEventListener("popstate", () => {
  const before = current;
  current = read(location.search);
  for (const listener of listeners) listener(current, before);
});

// Links to the page itself are followed without loading it again.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || link.target || link.hasAttribute("download")) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  const from = new URL(document.baseURI);
  if (to.origin !== from.origin || to.pathname !== from.pathname || to.hash) return;
  event.preventDefault();
  go({ ...NOTHING, ...read(to.search) });
});
