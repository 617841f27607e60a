// The view for adding photos: a folder on the server, or files from this device.

import { note } from "./announce.js";
import { post, send } from "./api.js";
import { byId, h } from "./dom.js";
import { count } from "./format.js";
import { showJobs, startJobs, watch } from "./jobs.js";
import { session } from "./session.js";

const AT_ONCE = 4; // files in one request: so that progress can be told

let changed = () => {};

export const showAdd = () => {
  const may = session().may_write;
  byId("may-not-write").hidden = may !== false;
  for (const field of byId("add-view").querySelectorAll("fieldset")) field.disabled = may === false;
  byId("roots").replaceChildren(...(session().roots ?? []).map((path) => h("option", { value: path })));
  showJobs();
};

const ingest = async (event) => {
  event.preventDefault();
  const source = byId("source").value.trim();
  if (!source) return;
  const body = {
    source,
    recursive: byId("recursive").checked,
    score: byId("with-scores").checked,
  };
  if (byId("with-labels").checked) body.label = true;
  const namespace = byId("into").value.trim();
  if (namespace) body.namespace = namespace;
  const problem = byId("source-problem");
  problem.hidden = true;
  try {
    watch(await post("ingest", body));
  } catch (error) {
    problem.hidden = false;
    problem.textContent = error.message;
    byId("source").focus();
  }
};

const upload = async (files) => {
  if (!files.length || session().may_write === false) return;
  const bar = byId("upload-progress");
  const told = byId("upload-told");
  const list = byId("upload-failures");
  bar.hidden = false;
  bar.max = files.length;
  list.replaceChildren();
  let [done, added, refused] = [0, 0, 0];
  const tell = () => {
    bar.value = done;
    told.textContent =
      count(done, "file") + " of " + files.length + " sent, " + added + " new" +
      (refused ? ", " + refused + " refused" : "");
  };
  const refuse = (path, reason) => {
    refused += 1;
    list.append(h("li", {}, h("strong", {}, path), ": ", reason));
  };
  tell();
  const namespace = byId("into").value.trim();
  for (let first = 0; first < files.length; first += AT_ONCE) {
    const some = files.slice(first, first + AT_ONCE);
    const body = new FormData();
    for (const file of some) body.append("files", file, file.name);
    try {
      const query = namespace ? "?namespace=" + encodeURIComponent(namespace) : "";
      const { photos } = await send("PUT", "photos" + query, body);
      for (const photo of photos) {
        if (photo.code) refuse(photo.name ?? photo.path, photo.reason ?? photo.code);
        else if (photo.new) added += 1;
      }
    } catch (error) {
      if (error.status === 0 || error.status === 401) {
        note(error.message, { bad: true });
        break;
      }
      for (const file of some) refuse(file.name, error.message);
    }
    done += some.length;
    tell();
  }
  changed();
};

export const startAdd = ({ onChange }) => {
  changed = onChange;
  startJobs({ onDone: onChange });
  byId("ingest").addEventListener("submit", ingest);
  const zone = byId("upload-zone");
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    upload([...event.dataTransfer.files]);
  });
  byId("upload-files").addEventListener("change", (event) => {
    upload([...event.target.files]);
    event.target.value = "";
  });
};
