// The view for adding photos: a folder on the server, or files from this device.

import { note } from "./announce.js";
import { post, send } from "./api.js";
import { byId, h } from "./dom.js";
import { filesOf } from "./dropped.js";
import { count } from "./format.js";
import { showJobs, startJobs, watch } from "./jobs.js";
import { session } from "./session.js";

const AT_ONCE = 4; // files in one request: so that progress can be told

let changed = () => {};

export const showAdd = () => {
  const may = session().may_write;
  byId("may-not-write").hidden = may !== false;
  for (const field of byId("add-view").querySelectorAll("fieldset")) field.disabled = may === false;
  const { roots = [], sources = [] } = session();
  const offered = [...new Set([...roots, ...sources])];
  byId("roots").replaceChildren(...offered.map((path) => h("option", { value: path })));
  // Without any, whatever is written there is refused.
  byId("no-roots").hidden = offered.length > 0 || may === false;
  byId("folder-fields").hidden = !offered.length && may !== false;
  if (offered.length === 1 && !byId("source").value) byId("source").value = offered[0];
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

const PHOTO = /\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif|hei[cf]|hif|dng|cr[23w]|nef|arw|orf|rw2|raf|pef|srw|mpo|insp|jps)$/i;
const isPhoto = (file) => file.type.startsWith("image/") || PHOTO.test(file.name);

/** Whether a file can be read: a folder that was dropped as if it were one cannot. */
const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

const uploadDropped = async (carried) => {
  try {
    const all = await filesOf(carried);
    const files = all.filter(isPhoto);
    const others = all.length - files.length;
    if (!files.length) {
      byId("upload-told").textContent = all.length
        ? "None of these files is a photo."
        : "There is no file in this folder.";
      return;
    }
    await upload(files);
    if (others) byId("upload-told").textContent += ", " + count(others, "file") + " that are not photos";
  } catch {
    note("The folder cannot be read. Choose its photos instead.", { bad: true });
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
    const some = [];
    for (const file of files.slice(first, first + AT_ONCE)) {
      if (await isReadable(file)) some.push(file);
      else {
        refuse(file.name, "cannot be read. If it is a folder, drop it as one, or choose its photos.");
        done += 1;
      }
    }
    if (!some.length) {
      tell();
      continue;
    }
    const body = new FormData();
    for (const file of some) body.append("files", file, file.name);
    try {
      const query = new URLSearchParams({
        ...(namespace ? { namespace } : {}),
        score: byId("upload-scores").checked,
        label: byId("upload-labels").checked,
      });
      const { photos } = await send("PUT", "photos?" + query, body);
      for (const photo of photos) {
        if (photo.code) refuse(photo.name ?? photo.path, photo.reason ?? photo.code);
        else if (photo.new) added += 1;
      }
    } catch (error) {
      if (error.status === 0 || error.status === 401) {
        note(error.message, { bad: true });
        break;
      }
      const why = error.code === "upload-refused" ? error.errors : [];
      some.forEach((file, index) => refuse(file.name, why[index]?.reason ?? error.message));
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
    uploadDropped(event.dataTransfer);
  });
  byId("upload-files").addEventListener("change", (event) => {
    upload([...event.target.files]);
    event.target.value = "";
  });
};
