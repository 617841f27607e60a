// Relations between photos, in words.

const WORDS = {
  identical: "identical files",
  "same-pixels": "the same pixels",
  "re-encoded": "compressed again",
  resized: "another size",
  rotated: "rotated",
  mirrored: "mirrored",
  cropped: "cropped",
  edited: "edited",
  "raw+jpeg": "RAW and JPEG of one exposure",
  bracket: "an exposure bracket",
  panorama: "parts of a panorama",
  burst: "a burst",
  similar: "similar",
};

const TOGETHER = ["raw+jpeg", "bracket", "panorama"];

export const inWords = (relation) => WORDS[relation] ?? relation;

/** Photos that are only whole together: nothing of them is ever given away. */
export const keptTogether = (relation) => TOGETHER.includes(relation);

export const RELATIONS = Object.keys(WORDS);

/** What a relation was concluded from: `cosine 0.98, hash distance 3`. */
export const evidence = (found) =>
  Object.entries(found ?? {})
    .filter(([, value]) => value !== false && value !== null)
    .map(([name, value]) => {
      const words = name.replaceAll("_", " ");
      if (value === true) return words;
      return words + " " + (Number.isInteger(value) || typeof value === "string" ? value : value.toFixed(3));
    })
    .join(", ");
