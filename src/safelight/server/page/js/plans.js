// Plans: what would happen to which file, before it does; applied, and undone.

import { note } from "./announce.js";
import { get, post, send } from "./api.js";
import { byId, h } from "./dom.js";
import { bytes, count, number, parts, time } from "./format.js";
import { showThumbnail } from "./pictures.js";
import { session } from "./session.js";

const KINDS = {
  quarantine: "move to quarantine",
  hardlink: "replace by a hard link",
  trash: "move to the trash",
  keep: "keep",
};
const STATES = {
  planned: "not applied",
  applied: "applied",
  "applied-in-part": "applied in part",
  undone: "undone",
};
const ACTIONS = { done: "done", left: "left", undone: "undone", unfinished: "interrupted" };

let told = { onApplied: () => {}, onUndone: () => {} };
let plan = null;

const dialog = () => byId("plan");

/** Make a plan of groups, and show what it would do. */
export const preview = async (groups, action) => {
  open(await post("plans", { groups, action }));
};

/** A small picture of a file, so that nobody has to know photos by their names. */
const small = (photo, path) => {
  const image = h("img", { alt: parts(path).name, decoding: "async", loading: "lazy", class: "small" });
  if (photo) showThumbnail(image, photo, 320);
  return image;
};

/** What a plan has come to, in one or two sentences. */
const outcome = ({ state, busy, last, counts, actions, bytes_freed, bytes_held, action }) => {
  const done = count(counts.done, "file") + " of " + number(actions.length) + " done";
  const held = bytes_held
    ? " " + bytes(bytes_held) + " become free when the " + (action === "trash" ? "trash is emptied." : "quarantine is deleted.")
    : "";
  const freed = bytes_freed ? " " + bytes(bytes_freed) + " freed." : "";
  if (busy) return "It is at work now: " + done + ".";
  if (last && !last.finished_at) return "It was interrupted. Undo it, or apply it to its end.";
  if (state === "planned") {
    return "Nothing has been touched yet. Each file is compared with its photo again before anything happens.";
  }
  if (state === "undone") return "Undone: every file is where it was.";
  if (state === "applied") return "Applied. Every file can be put back." + freed + held;
  const what = last?.command === "undo" ? "Not everything could be undone: " : "Applied in part: ";
  return what + done + "." + freed + held;
};

const open = (found) => {
  plan = found;
  const { actions } = plan;
  byId("plan-title").textContent =
    count(actions.length, "file") + ", " + bytes(plan.bytes_saved) + " to save";
  byId("plan-state").textContent = outcome(plan);
  byId("plan-actions").replaceChildren(
    ...actions.map((action) =>
      h(
        "tr",
        {},
        h("td", {}, KINDS[action.kind] ?? action.kind),
        h("td", {}, small(action.photo_id, action.path), h("bdi", {}, action.path)),
        h("td", {}, small(action.keeper_id, action.keeper), h("bdi", {}, action.keeper)),
        h("td", { class: "number" }, action.bytes ? bytes(action.bytes) : "–"),
        h(
          "td",
          {},
          [ACTIONS[action.state], action.reason].filter(Boolean).join(": ") || (action.why ?? ""),
        ),
      ),
    ),
  );
  const left = plan.left ?? [];
  byId("plan-left").hidden = !left.length;
  byId("plan-left-count").textContent =
    left.length === 1 ? "1 file left as it is" : count(left.length, "file") + " left as they are";
  byId("plan-left-list").replaceChildren(
    ...left.map(({ path, why }) => h("li", {}, h("bdi", {}, path), h("span", { class: "faint" }, " " + why))),
  );
  byId("plan-apply").hidden = !["planned", "applied-in-part"].includes(plan.state);
  byId("plan-undo").hidden = !["applied", "applied-in-part"].includes(plan.state);
  byId("plan-apply").disabled = byId("plan-undo").disabled = !session().may_write;
  byId("plan-failure").hidden = true;
  if (!dialog().open) dialog().showModal();
};

const run = async (what) => {
  const buttons = [byId("plan-apply"), byId("plan-undo")];
  for (const button of buttons) button.disabled = true;
  dialog().setAttribute("aria-busy", "true");
  try {
    return await post("plans/" + plan.id + "/" + what);
  } catch (error) {
    byId("plan-failure").hidden = false;
    byId("plan-failure").textContent = error.message;
    return null;
  } finally {
    dialog().removeAttribute("aria-busy");
    for (const button of buttons) button.disabled = false;
  }
};

const apply = async () => {
  const applied = await run("apply");
  if (!applied) return;
  plan = applied;
  dialog().close();
  const { changed, before, left } = applied.last;
  const rest = left ? ", " + number(left) + " left" : "";
  if (!changed && before) note("Nothing to do: " + count(before, "file") + " went before" + rest + ".");
  else note("Applied: " + count(changed, "file") + rest + ".", { undo: () => undo(applied) });
  if (left) open(applied); // each with its reason
  told.onApplied();
};

const undo = async (which) => {
  plan = which;
  const undone = await run("undo");
  if (!undone) {
    open(plan);
    byId("plan-failure").hidden = false;
    return;
  }
  plan = undone;
  if (dialog().open) dialog().close();
  note(outcome(undone), { bad: undone.state !== "undone" });
  if (undone.state !== "undone") open(undone);
  told.onUndone();
};

/** List the plans that were made. */
export const showPlans = async () => {
  const found = await get("plans");
  const plans = Array.isArray(found) ? found : found.plans;
  byId("plans").hidden = !plans.length;
  byId("plans-list").replaceChildren(
    ...plans.map((each) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "plain",
            onclick: async () => {
              try {
                open(await get("plans/" + each.id));
              } catch (error) {
                note(error.message, { bad: true });
              }
            },
          },
          [
            count(Object.values(each.counts).reduce((sum, n) => sum + n, 0), "file"),
            bytes(each.bytes_saved),
            STATES[each.state] ?? each.state,
            time(each.created_at),
          ]
            .filter(Boolean)
            .join(", "),
        ),
      ),
    ),
  );
};

export const startPlans = (options) => {
  told = options;
  byId("plan-apply").addEventListener("click", apply);
  byId("plan-undo").addEventListener("click", () => undo(plan));
  byId("plan-close").addEventListener("click", () => dialog().close());
  dialog().addEventListener("close", async () => {
    // A preview is not a plan.
    if (plan.state !== "planned" || plan.last) return;
    await send("DELETE", "plans/" + plan.id).catch(() => {}); // the server keeps it, no harm done
  });
};
