// The query grammar as far as chips need it: terms between signs. What a term means, the server
// knows. Pure.
//
//   query = [sign] term { sign term }, and signs stand between spaces, outside of quotes;
//   camera:canon and -label:word are filters, anywhere between spaces, and their signs their own;
//   OR joins two of them, and parentheses several.

/** Names of filters, and what else they are called. */
export const NAMES = (
  "taken camera lens iso f shutter focal rating keyword title caption near name folder kind is " +
  "score label in tag tags keywords aperture exposure date namespace labels filename file " +
  "path type stars description"
).split(" ");

const QUOTED = /"(?:[^"\\]|\\.)*"/.source;
const VALUE = `(?:${NAMES.join("|")}):(?:\\((?:${QUOTED}|[^"()])*\\)|(?:${QUOTED}|[^\\s"])+)(?!\\S)`;
const INSIDE = `(?:${QUOTED}|[^"()]|\\((?:${QUOTED}|[^"()])*\\))*`;
const GROUP = `\\((?=[\\s(+-]*(?:${NAMES.join("|")}):)${INSIDE}\\)(?!\\S)`;
const ONE = `(?:(?:[+-]\\s*|NOT\\s+)?(?:${VALUE}|${GROUP}))`;
const FILTER = new RegExp(`(?<=\\s|^)${ONE}(?:\\s+(?:OR|AND|or|and)\\s+${ONE})*`);
const SIGN = /(?<=\s|^)[+-](?=\s|"|$)/;
const TOKEN = new RegExp(
  `(?<filter>${FILTER.source})|(?<sign>${SIGN.source})|"(?:[^"\\\\]|\\\\.)*"|[^]`,
  "g",
);

/** Split a query into its first text, with all filters, and the signed terms behind it. */
export const split = (query) => {
  const parts = [{ sign: "", body: "" }];
  const filters = [];
  for (const { 0: token, groups } of query.matchAll(TOKEN)) {
    if (groups.filter) filters.push(token);
    else if (groups.sign) parts.push({ sign: token, body: "" });
    else parts.at(-1).body += token;
  }
  const [first, ...terms] = parts.map(({ sign, body }) => ({ sign, body: body.trim() }));
  return {
    text: [first.body, ...filters].filter(Boolean).join(" "),
    terms: terms.filter(({ body }) => body),
  };
};

// The beginning of something that cannot be searched yet: a sign, or a kind without a value; and a
// weight without its number.
const BEGUN = new RegExp(
  `(?:^|\\s)(?:[+-]|[+-]?\\(?(?:${[...NAMES, "photo", "text"].join("|")}):(?:[<>]?=?|"[^"]*))$`,
);
const WEIGHT = /:\.?$/;

/** A query without a quote that is not closed. */
const closed = (query) => {
  const quotes = [...query.matchAll(/\\.|"/g)].filter(([token]) => token === '"');
  if (quotes.length % 2 === 0) return query;
  const { index } = quotes.at(-1);
  return query.slice(0, index) + query.slice(index + 1);
};

/** What of a query can be searched while it is still being typed. */
export const sofar = (query) => {
  const whole = closed(query).trim().replace(BEGUN, "").trimEnd();
  const { text, terms } = split(whole.replace(WEIGHT, ""));
  return [text, ...terms.map(({ sign, body }) => sign + " " + body)].filter(Boolean).join(" ");
};

/** The id in a term that is a photo of the library, or null. */
export const photoOf = (body) => /^photo:\s*([0-9a-f]+)/.exec(body)?.[1] ?? null;

/** How a term is shown: without quotes and kind, with its weight. */
export const told = (body) => {
  const [, rest, weight] = /^(.*?[^\d])(?::(\d+(?:\.\d*)?|\.\d+))?$/s.exec(body) ?? [null, body];
  const plain = rest.trim().replace(/^text:\s*/, "").replace(/^"(.*)"$/s, "$1");
  return weight === undefined ? plain : plain + " ×" + Number(weight);
};

/** Words as a term of the grammar: in quotes where they could be taken for something else. */
export const asTerm = (words) =>
  /[:"\\/]|(?:^|\s)[+-](?:\s|$)|\.[a-z0-9]{2,4}$/i.test(words)
    ? '"' + words.replace(/["\\]/g, "\\$&") + '"'
    : words;
