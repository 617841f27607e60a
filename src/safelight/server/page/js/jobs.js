// Jobs of the server: how far they are, while they are.

import { announce, note } from "./announce.js";
import { get, send } from "./api.js";
import { byId, h } from "./dom.js";
import { events } from "./events.js";
import { count, number, time } from "./format.js";

const ENDED = ["done", "failed", "cancelled", "interrupted"];

let done = () => {};
const watched = new Set();
const rows = new Map();

const row = (job) => {
  if (rows.has(job.id)) return rows.get(job.id);
  const found = {
    title: h("h3"),
    told: h("p", { class: "faint" }),
    bar: h("progress", { "aria-label": "Progress" }),
    stop: h("button", { type: "button", class: "button", onclick: () => cancel(job.id) }, "Stop"),
  };
  found.item = h("li", {}, found.title, found.bar, found.told, found.stop);
  rows.set(job.id, found);
  return found;
};

const named = ({ message, kind, namespace }) =>
  message || kind + (namespace ? " into " + namespace : "");

const SUMMED = {
  new: "new",
  known: "known already",
  unchanged: "unchanged",
  gone: "gone",
  scored: "scored",
  labelled: "labelled",
};

/** What came of an ingest: `24 new, 3 unchanged`. */
const summed = (summary) =>
  Object.entries(SUMMED)
    .filter(([name]) => summary?.[name])
    .map(([name, words]) => number(summary[name]) + " " + words)
    .join(", ");

/** Pictures that an ingest passed over: `12 files of kinds not read (.jxl 12)`. */
const unread = (summary) => {
  const kinds = Object.entries(summary?.unread ?? {});
  if (!kinds.length) return "";
  const all = kinds.reduce((sum, [, one]) => sum + one, 0);
  const told = kinds.map(([kind, one]) => kind + " " + number(one)).join(", ");
  return count(all, "file") + " of kinds not read (" + told + ")";
};

const sofar = ({ done, total }) => {
  if (total) return number(done) + " of " + count(total, "file");
  return done ? count(done, "file") : "";
};

const show = (job) => {
  const { title, told, bar, stop } = row(job);
  const ended = ENDED.includes(job.state);
  title.textContent = named(job) + ": " + job.state;
  bar.hidden = ended;
  if (job.total) {
    bar.max = job.total;
    bar.value = job.done;
  } else bar.removeAttribute("value");
  const parts = [
    sofar(job),
    job.failed ? number(job.failed) + " that could not be read" : "",
    summed(job.summary),
    unread(job.summary),
    ended ? time(job.finished_at) : "",
  ];
  told.textContent = parts.filter(Boolean).join(", ");
  stop.hidden = ended;
};

const cancel = async (id) => {
  try {
    await send("DELETE", "jobs/" + id);
  } catch (error) {
    note(error.message, { bad: true });
  }
};

/** Follow a job to its end; should the stream break, go on from where it is. */
export const watch = async (job) => {
  const { item } = row(job);
  if (!item.isConnected) byId("jobs-list").prepend(item);
  byId("jobs").hidden = false;
  show(job);
  if (watched.has(job.id) || ENDED.includes(job.state)) return;
  watched.add(job.id);
  announce("Started: " + named(job), { now: true });
  try {
    let last = job;
    for (let turn = 0; turn < 5 && !ENDED.includes(last.state); turn += 1) {
      try {
        for await (const { event, data } of events("jobs/" + job.id + "/events")) {
          if (event !== "progress" && event !== "done") continue;
          last = JSON.parse(data);
          turn = 0;
          show(last);
        }
      } catch (error) {
        if (error.status >= 400) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      if (!ENDED.includes(last.state)) last = await get("jobs/" + job.id);
    }
    show(last);
    announce("Job " + last.state + ".", { now: true });
    if (ENDED.includes(last.state)) done();
  } catch (error) {
    note(error.message, { bad: true });
  } finally {
    watched.delete(job.id);
  }
};

/** List the jobs there are, and follow those that run. */
export const showJobs = async () => {
  try {
    const found = await get("jobs");
    const jobs = Array.isArray(found) ? found : found.jobs;
    byId("jobs").hidden = !jobs.length;
    for (const job of [...jobs].sort((a, b) => (a.created_at < b.created_at ? -1 : 1))) watch(job);
  } catch (error) {
    note(error.message, { bad: true });
  }
};

export const startJobs = ({ onDone }) => {
  done = onDone;
};
