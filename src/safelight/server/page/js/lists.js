// What a grid shows: photos that are all there, or that come block by block.

import { get } from "./api.js";
import { BLOCK } from "./blocks.js";
import { FILTERS } from "./address.js";

/** Hits of a search. */
export const found = (hits) => ({
  total: hits.length,
  at: (index) => hits[index],
  has: () => true,
  load: async () => {},
  loadAt: async () => {},
  indexOf: (id) => hits.findIndex((card) => card.photo_id === id),
});

/** The filters of a state, as the API takes them in an address. */
export const filters = (state) => ({
  ...Object.fromEntries(FILTERS.filter((n) => n !== "min").map((name) => [name, state[name]])),
  min: Object.entries(state.min).map(([metric, least]) => metric + ":" + least),
});

/** All photos, with filters and in an order; asks for the first block at once. */
export const browsed = async (state, signal) => {
  const cards = [];
  const asked = new Set();
  const ask = (block, cancelled) =>
    get(
      "photos",
      { ...filters(state), sort: state.sort, offset: block * BLOCK, limit: BLOCK },
      cancelled,
    );
  const keep = (block, photos) => {
    photos.forEach((card, i) => {
      cards[block * BLOCK + i] = card;
    });
    asked.add(block);
  };
  const load = async (block, cancelled) => keep(block, (await ask(block, cancelled)).photos);
  const first = await ask(0, signal);
  keep(0, first.photos);
  return {
    total: first.total,
    at: (index) => cards[index],
    has: (block) => asked.has(block),
    load,
    loadAt: (index) => load(Math.floor(index / BLOCK)),
    indexOf: (id) => cards.findIndex((card) => card?.photo_id === id),
  };
};
