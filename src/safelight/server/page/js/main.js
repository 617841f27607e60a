// Where the page starts.

import { onRefused } from "./api.js";
import { searches, write } from "./address.js";
import { showAdd, startAdd } from "./add.js";
import { showBox, startBox } from "./box.js";
import { byId } from "./dom.js";
import { startDropping } from "./dropped.js";
import { showDuplicates, startDuplicates } from "./duplicates.js";
import { loadFacets, startFilters } from "./filters.js";
import { fail, focusPhoto, listed, refresh, showLibrary, startLibrary } from "./library.js";
import { showPhoto, startPhoto, step } from "./photo.js";
import { startMenu, showMenu } from "./menu.js";
import { loadSession, session } from "./session.js";
import { signIn, startSignIn } from "./signin.js";
import { showTerms } from "./terms.js";
import { here, onMove } from "./where.js";

const SHOW = { photos: showLibrary, duplicates: showDuplicates, add: showAdd };
const TITLES = { photos: "Photos", duplicates: "Duplicates", add: "Add photos" };
const scrolled = {};

const show = (state, before) => {
  const changed = state.view !== before?.view;
  if (before && changed) scrolled[before.view] = scrollY;
  for (const view of Object.keys(SHOW)) byId(view + "-view").hidden = view !== state.view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    // It leads back to what was looked at in that view, a search above all.
    if (link.dataset.view === state.view) link.href = write({ ...state, photo: "" }) || "./";
  }
  document.title =
    (searches(state) && state.view === "photos" ? state.q.trim() || "Search" : TITLES[state.view]) +
    " — safelight";
  if (changed && before) scrollTo(0, scrolled[state.view] ?? 0);
  showBox(state);
  showTerms(state);
  SHOW[state.view](state, before);
  showPhoto(state);
};

/** Ask who we are and what there is; then show it. */
const begin = async () => {
  try {
    const { token_needed: needed, authenticated } = await loadSession();
    if (needed && !authenticated) {
      signIn(null);
      return;
    }
  } catch (error) {
    if (error.status !== 401) fail(error, begin); // else a token is being asked for already
    return;
  }
  showMenu(session());
  loadFacets().catch(() => {}); // filters without choices; what failed shows with the photos
  show(here());
};

onRefused(signIn);
onMove(show);
startMenu();
startSignIn({ onSignedIn: begin });
startBox();
startDropping();
startFilters();
startLibrary({ onListed: step });
startPhoto({ list: listed, onClose: focusPhoto });
startDuplicates({ onChange: refresh });
startAdd({
  onChange: () => {
    refresh();
    loadFacets().catch(() => {});
    loadSession().then(showMenu).catch(() => {});
  },
});
begin();
