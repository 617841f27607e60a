// Pictures that were dropped, pasted or chosen to search with. They stay in this tab's memory, and
// the address only names them.

import { announce, note } from "./announce.js";
import { byId } from "./dom.js";
import { go, here } from "./where.js";

const held = new Map();

export const imageOf = (name) => held.get(name) ?? null;

export const searchWith = (file) => {
  if (!file.type.startsWith("image/") && !/\.(heic|heif|avif|tiff?|dng|cr[23]|nef|arw)$/i.test(file.name)) {
    note("“" + file.name + "” is not a picture.", { bad: true });
    return;
  }
  const name = String(held.size + 1);
  held.set(name, { file, name: file.name || "from the clipboard", url: URL.createObjectURL(file) });
  announce("Searching with your picture.", { now: true });
  go({ view: "photos", photo: "", image: name, sort: "" });
};

/** All files of what was dropped, those in folders and their folders as well. */
export const filesOf = async (carried) => {
  // Before anything is awaited: a browser forgets what it carried as soon as we have returned.
  const entries = [...(carried.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...carried.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
};

const walk = async (entry, found) => {
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // It gives a hundred at a time, and none at the end.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await walk(each, found);
  }
};

const carriesFolder = (carried) =>
  [...(carried.items ?? [])].some((item) => item.webkitGetAsEntry?.()?.isDirectory);

const picture = (list) => [...(list ?? [])].find((file) => file.type.startsWith("image/")) ?? list?.[0];

/** Take pictures from the mouse, the clipboard and the file chooser. */
export const startDropping = () => {
  const veil = byId("veil");
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const elsewhere = () => here().view === "add"; // there, files are added to the library
  let depth = 0;
  const lift = () => {
    depth = 0;
    veil.hidden = true;
  };
  addEventListener("dragenter", (event) => {
    if (!carries(event) || elsewhere()) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) lift();
  });
  addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    lift();
    if (carriesFolder(event.dataTransfer) && !elsewhere()) {
      note("That is a folder. Drop one picture to find photos like it, or add the folder under Add.", { bad: true });
      return;
    }
    const file = picture(event.dataTransfer.files);
    if (file && !elsewhere()) searchWith(file);
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!file || elsewhere()) return;
    event.preventDefault();
    searchWith(file);
  });
  byId("image-file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) searchWith(file);
    event.target.value = "";
  });
};
