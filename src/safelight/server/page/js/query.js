// The query grammar as far as chips need it: terms between signs. What a term means, the server
// knows. Pure.
//
//   query = [sign] term { sign term }, and signs stand between spaces, outside of quotes.

const TOKEN = /(?<=\s|^)[+-](?=\s|$)|"(?:[^"\\]|\\.)*"|[^]/g;

/** Split a query into its first text and the signed terms behind it. */
export const split = (query) => {
  const parts = [{ sign: "", body: "" }];
  for (const [token] of query.matchAll(TOKEN)) {
    if (token === "+" || token === "-") parts.push({ sign: token, body: "" });
    else parts.at(-1).body += token;
  }
  const [first, ...terms] = parts;
  return {
    text: first.body.trim(),
    terms: terms.map(({ sign, body }) => ({ sign, body: body.trim() })).filter((t) => t.body),
  };
};

/** What of a query can be searched while it is still being typed: no sign without a term. */
export const sofar = (query) => {
  const { text, terms } = split(query);
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
