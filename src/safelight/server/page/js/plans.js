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
const STATES = { draft: "not applied", applying: "not finished", applied: "applied", undone: "undone" };

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

const open = (found) => {
  plan = found;
  const { actions } = plan;
  byId("plan-title").textContent =
    count(actions.length, "file") + ", " + bytes(plan.bytes_saved ?? 0) + " to save";
  byId("plan-state").textContent = {
    draft: "Nothing has been touched yet. Each file is compared with its photo again before anything happens.",
    applied: "Applied. Every file can be put back.",
    applying: "It was interrupted. Undo it, or apply it to its end.",
    undone: "Undone: every file is where it was.",
  }[plan.state] ?? plan.state;
  byId("plan-actions").replaceChildren(
    ...actions.map((action) =>
      h(
        "tr",
        {},
        h("td", {}, KINDS[action.kind] ?? action.kind),
        h("td", {}, small(action.photo_id, action.path), h("bdi", {}, action.path)),
        h("td", {}, small(action.keeper_id, action.keeper), h("bdi", {}, action.keeper)),
        h("td", { class: "number" }, action.bytes ? bytes(action.bytes) : "–"),
        h("td", {}, action.why ?? ""),
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
  byId("plan-apply").hidden = !["draft", "applying"].includes(plan.state);
  byId("plan-undo").hidden = !["applied", "applying"].includes(plan.state);
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
  const left = applied.left?.length ?? 0;
  const rest = left ? ", " + number(left) + " left" : "";
  if (!applied.changed && applied.before) {
    note("Nothing to do: " + count(applied.before, "file") + " went before" + rest + ".");
  } else {
    note("Applied: " + count(applied.changed, "file") + rest + ".", {
      undo: () => undo(applied),
    });
  }
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
  note("Undone: every file is where it was.");
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
            count(each.actions?.length ?? each.files ?? 0, "file"),
            bytes(each.bytes_saved ?? 0),
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
    if (plan.state !== "draft") return;
    await send("DELETE", "plans/" + plan.id).catch(() => {}); // the server keeps it, no harm done
  });
};
