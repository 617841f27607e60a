// What a grid shows: photos that are all there, or that come block by block.

import { get } from "./api.js";
import { BLOCK } from "./blocks.js";
import { FILTERS } from "./address.js";

/**
 * Hits of a search.
 *
 * @param {() => Promise<boolean>} more asks for more of them; another list has them then
 */
export const found = (hits, more = async () => false) => ({
  total: hits.length,
  at: (index) => hits[index],
  has: () => true,
  load: async () => {},
  loadAt: async () => {},
  indexOf: (id) => hits.findIndex((card) => card.photo_id === id),
  locate: more,
  more,
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
  // All blocks are of the list as it was when the first was asked for: so each photo has one place.
  let snapshot;
  const ask = (block, cancelled, around) =>
    get(
      "photos",
      {
        ...filters(state),
        sort: state.sort,
        snapshot,
        offset: snapshot ? block * BLOCK : undefined,
        limit: BLOCK,
        around,
      },
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
  snapshot = first.snapshot;
  return {
    total: first.total,
    at: (index) => cards[index],
    has: (block) => asked.has(block),
    load,
    loadAt: (index) => load(Math.floor(index / BLOCK)),
    indexOf: (id) => cards.findIndex((card) => card?.photo_id === id),
    /** Learn where a photo stands that was not asked for yet. */
    locate: async (id) => {
      const page = await ask(0, undefined, id);
      keep(Math.floor(page.offset / BLOCK), page.photos);
      return page.photos.some((card) => card.photo_id === id);
    },
    more: async () => false,
  };
};
