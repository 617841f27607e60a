// Numbers, sizes and times in words. Pure.

const whole = new Intl.NumberFormat("en");

export const count = (n, one, many = one + "s") => whole.format(n) + " " + (n === 1 ? one : many);

export const number = (n) => whole.format(n);

export const bytes = (n) => {
  if (n < 1000) return count(n, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let unit = -1;
  let value = n;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return (value < 9.95 ? value.toFixed(1) : whole.format(Math.round(value))) + " " + units[unit];
};

/** `2021-05-03T14:05:09+02:00` as `3 May 2021, 14:05`: the camera's own time, wherever one is. */
export const time = (iso) => {
  const found = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d))?/.exec(iso ?? "");
  if (!found) return iso ?? "";
  const [, year, month, day, clock] = found;
  const name = new Date(Date.UTC(2000, month - 1, 1)).toLocaleString("en", {
    month: "long",
    timeZone: "UTC",
  });
  return Number(day) + " " + name + " " + year + (clock ? ", " + clock : "");
};

/** An exposure time as photographers say it: `1/250 s`. */
export const exposure = (seconds) =>
  seconds > 0 && seconds < 0.3 ? "1/" + Math.round(1 / seconds) + " s" : +seconds.toFixed(1) + " s";

export const score = (value) => value.toFixed(2);
export const cosine = (value) => value.toFixed(3);

/** The last part of a path, and what stands before it. */
export const parts = (path) => {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return { folder: path.slice(0, cut), name: path.slice(cut) };
};
