// What is known about a photo, in words: its data, scores and labels.

import { bar, h, icon } from "./dom.js";
import { bytes, cosine, exposure, number, score, time } from "./format.js";
import { asTerm } from "./query.js";
import { addTerm } from "./terms.js";

const section = (title, ...children) =>
  h("section", {}, h("h3", {}, title), ...children);

const table = (rows) =>
  h(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** All sections, for a photo's details and, if it was found by a search, its card. */
export const facts = (detail, card) =>
  [
    card?.score === null || card?.score === undefined
      ? null
      : section("Match", table([["cosine", cosine(card.score)]])),
    scores(detail.scores ?? []),
    labels(detail.labels ?? []),
    section("Photo", table(data(detail))),
    camera(detail.exif),
    files(detail.files ?? []),
  ].filter(Boolean);

const data = (detail) => [
  ["taken", time(detail.taken_at)],
  ["size", detail.width ? number(detail.width) + " × " + number(detail.height) : null],
  ["megapixels", detail.width ? ((detail.width * detail.height) / 1e6).toFixed(1) : null],
  ["format", [detail.format, detail.size ? bytes(detail.size) : ""].filter(Boolean).join(", ")],
  ["holds", (detail.holds ?? []).join(", ")],
  ["added", time(detail.added_at)],
];

const camera = (exif) => {
  const place =
    exif.latitude === null || exif.longitude === null
      ? null
      : degrees(exif.latitude, "N", "S") + ", " + degrees(exif.longitude, "E", "W");
  const rows = [
    ["camera", named(exif.camera_make, exif.camera_model)],
    ["lens", exif.lens],
    [
      "exposure",
      [
        exif.exposure_time ? exposure(exif.exposure_time) : "",
        exif.f_number ? "f/" + exif.f_number : "",
        exif.iso ? "ISO " + exif.iso : "",
      ]
        .filter(Boolean)
        .join("  "),
    ],
    ["focal length", exif.focal_length ? +exif.focal_length.toFixed(1) + " mm" : null],
    ["place", place],
    ["altitude", exif.altitude === null ? null : Math.round(exif.altitude) + " m"],
  ];
  return rows.some(([, value]) => value) ? section("Camera", table(rows)) : null;
};

const named = (make, model) => {
  if (!make || !model) return model ?? make;
  return model.toLowerCase().startsWith(make.toLowerCase().split(" ")[0]) ? model : make + " " + model;
};

const degrees = (value, positive, negative) =>
  Math.abs(value).toFixed(5) + "° " + (value < 0 ? negative : positive);

const scores = (all) => {
  if (!all.length) return null;
  const measured = all.filter((each) => each.status === "ok");
  const rest = all.filter((each) => each.status !== "ok");
  return section(
    "Quality",
    h(
      "dl",
      { class: "scores" },
      measured.map((each) =>
        h(
          "div",
          { class: each.metric === "combined" ? "combined" : null },
          h("dt", {}, each.metric),
          h("dd", {}, bar(each.score), h("span", { class: "number" }, score(each.score))),
        ),
      ),
    ),
    rest.length
      ? h(
          "details",
          {},
          h("summary", {}, "Not measured: " + rest.map((each) => each.metric).join(", ")),
          rest.map((each) => h("p", {}, each.metric + " " + each.status + ": " + (each.reason ?? ""))),
        )
      : null,
  );
};

const labels = (all) => {
  const fitting = all.filter((each) => each.applies !== false);
  if (!fitting.length) return null;
  return section(
    "Labels",
    h(
      "ul",
      { class: "labels" },
      fitting.map(({ label, calibrated, confidence }) =>
        h(
          "li",
          {},
          h("span", { class: "label" }, label),
          h("span", { class: "number" }, score(calibrated ?? confidence)),
          h(
            "button",
            { type: "button", class: "plain", "aria-label": "More with " + label, onclick: () => addTerm("+", asTerm(label)) },
            icon("plus"),
          ),
          h(
            "button",
            { type: "button", class: "plain", "aria-label": "Without " + label, onclick: () => addTerm("-", asTerm(label)) },
            icon("minus"),
          ),
        ),
      ),
    ),
  );
};

const files = (all) =>
  all.length
    ? section(
        all.length === 1 ? "File" : "Files",
        h(
          "ul",
          { class: "paths" },
          all.map(({ path, namespace, missing }) =>
            h(
              "li",
              { class: missing ? "missing" : null },
              h("bdi", {}, path),
              h("span", { class: "faint" }, " " + namespace + (missing ? ", missing" : "")),
            ),
          ),
        ),
      )
    : null;
