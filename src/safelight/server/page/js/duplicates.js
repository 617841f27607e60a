// The view of duplicates: groups to decide on, one after the other, with the keyboard or without.

import { announce, note } from "./announce.js";
import { get, post, send } from "./api.js";
import { byId, h } from "./dom.js";
import * as draft from "./draft.js";
import { bytes, count, number } from "./format.js";
import { going, groupCard } from "./group.js";
import { openPhoto } from "./photo.js";
import { preview, showPlans, startPlans } from "./plans.js";
import { inWords, keptTogether, RELATIONS } from "./relations.js";
import { shortcuts } from "./shortcuts.js";
import { session } from "./session.js";
import { go, here } from "./where.js";

const PAGE = 20;
const LOOK_AGAIN = 1000; // milliseconds

let shown = null; // the state whose groups are shown, or null
let groups = []; // {group, keeper, state, card, show}
let total = 0;
let following = null; // where the list of groups goes on
let running = null;
let looking = 0;
let changed = () => {};
const done = []; // groups in the order in which they were decided, for U

const list = () => byId("groups");
const key = (state) => state.relation + "\n" + state.namespace;

export const showDuplicates = (state) => {
  byId("relation").value = state.relation;
  if (shown === key(state)) return;
  shown = key(state);
  load({ fresh: true });
};

const load = async ({ fresh = false } = {}) => {
  if (fresh) {
    running?.abort();
    groups = [];
    following = null;
    byId("groups-changed").hidden = true;
    list().replaceChildren();
  } else if (running || !following) return;
  const controller = new AbortController();
  running = controller;
  byId("groups-failure").hidden = true;
  byId("duplicates-view").setAttribute("aria-busy", "true");
  try {
    const { relation, namespace } = here();
    const query = { relation, namespace, cursor: following, limit: PAGE };
    const found = await get("duplicates", query, controller.signal);
    following = found.next;
    const known = new Set(groups.map(({ group }) => group.group));
    for (const group of found.groups) if (!known.has(group.group)) add(group);
    // While photos are compared, nobody knows how many there will be.
    total = following ? (found.total ?? groups.length + 1) : groups.length;
    comparing(found.comparing);
    tell();
    if (fresh) await showPlans();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.code === "cursor-expired") {
      running = null;
      load({ fresh: true });
      return;
    }
    shown = null;
    byId("groups-failure").hidden = false;
    byId("groups-problem").textContent = error.message;
  } finally {
    if (running === controller) {
      running = null;
      byId("duplicates-view").removeAttribute("aria-busy");
    }
  }
};

/** Say how far the server is with comparing photos, and look again until it is done. */
const comparing = (progress) => {
  clearTimeout(looking);
  byId("comparing").hidden = !progress;
  if (!progress) return;
  const { stage, done: n, total: all } = progress;
  byId("comparing-told").textContent = stage + (all ? ": " + number(n) + " of " + number(all) : " …");
  const bar = byId("comparing-bar");
  if (all) Object.assign(bar, { max: all, value: n });
  else bar.removeAttribute("value");
  looking = setTimeout(look, LOOK_AGAIN);
};

const look = async () => {
  if (here().view !== "duplicates") {
    shown = null; // it is asked for again when one comes back
    return;
  }
  try {
    const { relation, namespace } = here();
    const found = await get("duplicates", { relation, namespace, limit: 1 });
    comparing(found.comparing);
    if (found.state === "comparing") return;
    // Nobody who is deciding on groups has them taken away.
    if (list().contains(document.activeElement)) byId("groups-changed").hidden = false;
    else load({ fresh: true });
  } catch (error) {
    note(error.message, { bad: true });
  }
};

const add = (group) => {
  const suggested = group.photos.find((photo) => photo.keeper)?.path ?? null;
  const entry = {
    group,
    keeper: keptTogether(group.relation) ? null : (draft.pathOf(group.group) ?? suggested),
    state: draft.has(group.group) ? "accepted" : "open",
    ...groupCard(group, {
      accept: () => accept(entry),
      keepBoth: () => decide(entry, "keep-both"),
      notDuplicates: () => decide(entry, "not-duplicates"),
      takeBack: () => takeBack(entry),
      choose: (_, path) => choose(entry, path),
      open: (_, index) => open(entry, index),
    }),
  };
  if (entry.keeper !== suggested && !keptTogether(group.relation)) explain(entry);
  groups.push(entry);
  list().append(h("li", {}, entry.card));
  entry.show(entry);
};

const tell = () => {
  const open = total - groups.filter(({ state }) => state !== "open").length;
  const soon = !total && !byId("comparing").hidden; // nobody knows yet that there are none
  byId("groups-count").textContent = soon
    ? ""
    : count(total, "group") + (open < total ? ", " + open + " open" : "");
  byId("no-groups").hidden = total > 0 || soon;
  byId("more-groups").hidden = !following || !groups.length;
  if (groups.length) groups[0].card.tabIndex = 0;
  for (const button of list().querySelectorAll(".buttons button, .choice input")) {
    button.disabled = !session().may_write;
  }
  const { groups: n, files, bytes: size } = draft.sum();
  byId("plan-bar").hidden = !n;
  byId("plan-sum").textContent =
    "Plan: " + count(n, "group") + ", " + count(files, "file") + ", " + bytes(size);
  announce(byId("groups-count").textContent + (n ? ". " + byId("plan-sum").textContent : ""));
};

const set = (entry, state) => {
  entry.state = state;
  entry.show(entry);
  tell();
};

const accept = (entry) => {
  if (keptTogether(entry.group.relation) || entry.keeper === null || !session().may_write) return;
  const gone = going(entry.group, entry.keeper);
  draft.put(entry.group.group, {
    keeper: entry.group.photos.find((photo) => photo.path === entry.keeper).photo_id,
    path: entry.keeper,
    files: gone.length,
    bytes: gone.reduce((sum, photo) => sum + (photo.size ?? 0), 0),
  });
  done.push(entry);
  set(entry, "accepted");
  move(entry, 1);
};

const decision = (entry) => "duplicates/" + entry.group.group + "/decision";

const decide = async (entry, decided) => {
  if (!session().may_write) return;
  const before = entry.state;
  draft.take(entry.group.group);
  set(entry, decided);
  move(entry, 1);
  try {
    await send("PUT", decision(entry), { decision: decided });
    done.push(entry);
  } catch (error) {
    set(entry, before);
    note(error.message, { bad: true });
  }
};

const takeBack = async (entry) => {
  const before = entry.state;
  if (before === "open") return;
  if (before === "accepted") draft.take(entry.group.group);
  set(entry, "open");
  reach(entry);
  if (before === "accepted") return;
  try {
    await send("DELETE", decision(entry));
  } catch (error) {
    set(entry, before);
    note(error.message, { bad: true });
  }
};

const choose = (entry, path) => {
  if (keptTogether(entry.group.relation) || entry.state !== "open") return;
  entry.keeper = path;
  set(entry, "open");
  explain(entry);
};

/** Ask why each photo would stay or go, now that the user keeps another one. */
const explain = async (entry) => {
  const { keeper, group } = entry;
  try {
    const found = await get("duplicates/" + group.group, { path: keeper, namespace: here().namespace });
    if (entry.keeper !== keeper) return; // another one was chosen meanwhile
    entry.explain(new Map(found.photos.map((photo) => [photo.path, photo.reasons])));
  } catch {
    entry.explain(new Map()); // reasons for another choice would be wrong ones
  }
};

const open = (entry, index) => {
  const { photos } = entry.group;
  const cards = photos.map((photo) => ({ ...photo, score: null }));
  openPhoto(photos[index].photo_id, {
    total: cards.length,
    at: (i) => cards[i],
    loadAt: async () => {},
    indexOf: (id) => cards.findIndex((card) => card.photo_id === id),
  });
};

const reach = (entry) => {
  for (const each of groups) each.card.tabIndex = each === entry ? 0 : -1;
  entry.card.focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  entry.card.scrollIntoView({ block: "start", behavior: still ? "instant" : "smooth" });
};

const move = (entry, by) => {
  const index = groups.indexOf(entry) + by;
  if (index >= groups.length - 3) load();
  const next = groups[index];
  reach(next ?? entry);
};

const onKey = (event) => {
  const card = event.target.closest?.(".group");
  if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
  const entry = groups.find((each) => each.card === card);
  const radio = event.target.type === "radio";
  if (event.target !== card && (event.key === "Enter" || event.key === " ")) return;
  if (radio && event.key.startsWith("Arrow")) return;
  if (event.key.length === 1 && !shortcuts()) return;
  const isOpen = entry.state === "open";
  const does = {
    a: () => isOpen && accept(entry),
    Enter: () => isOpen && accept(entry),
    b: () => isOpen && decide(entry, "keep-both"),
    n: () => isOpen && decide(entry, "not-duplicates"),
    u: () => (isOpen ? lastDone() : takeBack(entry)),
    j: () => move(entry, 1),
    ArrowDown: () => move(entry, 1),
    k: () => move(entry, -1),
    ArrowUp: () => move(entry, -1),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const photo = /^[1-9]$/.test(event.key) && entry.group.photos[Number(event.key) - 1];
  if (photo) choose(entry, photo.path);
  else if (does) does();
  else return;
  event.preventDefault();
};

/** Take back what was decided last. */
const lastDone = () => {
  let entry;
  do entry = done.pop();
  while (entry && (entry.state === "open" || !groups.includes(entry)));
  if (entry) takeBack(entry);
};

export const startDuplicates = ({ onChange }) => {
  changed = onChange;
  byId("relation").append(
    ...RELATIONS.map((relation) => h("option", { value: relation }, inWords(relation))),
  );
  byId("relation").addEventListener("change", (event) => go({ relation: event.target.value }));
  byId("groups-retry").addEventListener("click", () => load({ fresh: true }));
  byId("groups-changed").addEventListener("click", () => load({ fresh: true }));
  byId("more-groups").addEventListener("click", () => load());
  list().addEventListener("keydown", onKey);
  list().addEventListener("focusin", (event) => {
    const card = event.target.closest(".group");
    for (const each of groups) each.card.tabIndex = each.card === card ? 0 : -1;
  });
  byId("plan-clear").addEventListener("click", () => {
    draft.clear();
    for (const entry of groups) if (entry.state === "accepted") set(entry, "open");
    tell();
  });
  byId("plan-preview").addEventListener("click", async () => {
    try {
      await preview(draft.asked(), byId("plan-action").value);
    } catch (error) {
      note(error.message, { bad: true });
    }
  });
  startPlans({
    onApplied: () => {
      draft.clear();
      load({ fresh: true });
      changed();
    },
    onUndone: () => {
      load({ fresh: true });
      changed();
    },
  });
};
