// The grid of photos: only rows in sight are in the page, however many photos there are.

import { BLOCK, Blocks } from "./blocks.js";
import { shape } from "./justified.js";
import { tile } from "./tile.js";

const GAP = 4;
const AHEAD = 600; // pixels above and below the window that are there already

export class Grid {
  /**
   * @param {HTMLElement} list an empty <ul>
   * @param {{onFail: (error: Error) => void}} options called when a block cannot be loaded
   */
  constructor(list, { onFail }) {
    this.list = list;
    this.onFail = onFail;
    this.rowHeight = 220;
    this.photos = null;
    this.blocks = null;
    this.tiles = new Map();
    this.loading = new Map(); // block -> AbortController
    this.reached = 0; // the photo that Tab leads to
    this.frame = 0;
    this.width = 0;
    addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(list);
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focusin", (event) => {
      const item = event.target.closest("li");
      if (item) this.#reach(Number(item.getAttribute("aria-posinset")) - 1);
    });
  }

  /** Show other photos, from the top. */
  show(photos) {
    this.#clear();
    this.photos = photos;
    this.reached = 0;
    this.#layOut();
    this.render();
  }

  /** Rows of about this many pixels. */
  resize(rowHeight) {
    if (rowHeight === this.rowHeight) return;
    const first = this.#firstSeen();
    this.rowHeight = rowHeight;
    this.#again(first);
  }

  /** Bring a photo into sight, and the keyboard to it. */
  focus(index) {
    if (!this.blocks || index < 0 || index >= this.blocks.total) return;
    this.#reveal(index);
    this.#reach(index);
    this.render();
    this.tiles.get(index)?.link.focus({ preventScroll: true });
  }

  /** Put into the page what is in sight, and take out what is not. */
  render() {
    if (!this.blocks || !this.list.isConnected || !this.list.offsetParent) return;
    const top = this.#top();
    const boxes = this.blocks.between(top - AHEAD, top + innerHeight + AHEAD);
    const wanted = new Map(boxes.map((box) => [box.index, box]));
    // What the keyboard is on stays, wherever one has scrolled to.
    if (this.reached < this.blocks.total && !wanted.has(this.reached)) {
      const held = this.tiles.get(this.reached);
      if (held?.link === document.activeElement) wanted.set(this.reached, this.blocks.box(this.reached));
    }
    for (const [index, each] of this.tiles) {
      if (!wanted.has(index)) {
        each.go();
        this.tiles.delete(index);
      }
    }
    let at = this.list.firstElementChild;
    for (const index of [...wanted.keys()].sort((a, b) => a - b)) {
      let each = this.tiles.get(index);
      if (!each) {
        each = tile(index, this.blocks.total);
        this.tiles.set(index, each);
      }
      const box = wanted.get(index);
      each.place(box);
      const card = this.photos.at(index);
      if (card && !each.isFilled()) {
        const inSight = box.y + box.height > top && box.y < top + innerHeight;
        each.fill(card, Math.max(box.width, box.height), inSight);
      }
      // In order of the photos, for those who read the page and do not see it.
      if (each.item === at) at = at.nextElementSibling;
      else this.list.insertBefore(each.item, at);
    }
    if (!this.tiles.has(this.reached)) this.reached = this.#firstSeen();
    for (const [index, each] of this.tiles) each.link.tabIndex = index === this.reached ? 0 : -1;
    this.#need(wanted);
  }

  #need(wanted) {
    const blocks = new Set([...wanted.keys()].map((index) => Math.floor(index / BLOCK)));
    for (const [block, controller] of this.loading) {
      if (!blocks.has(block)) {
        controller.abort();
        this.loading.delete(block);
      }
    }
    for (const block of blocks) {
      if (this.photos.has(block)) {
        // The photo view may have fetched it.
        if (!this.blocks.known.has(block)) {
          this.#learn(block);
          this.#soon();
        }
      } else if (!this.loading.has(block)) this.#load(block);
    }
  }

  async #load(block) {
    const controller = new AbortController();
    const { photos } = this;
    this.loading.set(block, controller);
    try {
      // A scrollbar that is dragged passes many blocks; only where it rests is anything asked.
      await new Promise((resolve) => setTimeout(resolve, 80));
      if (controller.signal.aborted) return;
      await photos.load(block, controller.signal);
    } catch (error) {
      if (error.name === "AbortError" || photos !== this.photos) return;
      this.onFail(error);
      return; // it stays in `loading`, so that it is not asked for without end
    }
    if (photos !== this.photos || this.loading.get(block) !== controller) return;
    this.loading.delete(block);
    this.#learn(block);
    this.render();
  }

  /** Load again the blocks that failed. */
  retry() {
    this.loading.clear();
    this.render();
  }

  #learn(block) {
    const bottom = this.blocks.tops[block + 1];
    this.blocks.learn(block, this.#shapes(block));
    const moved = this.blocks.tops[block + 1] - bottom;
    this.list.style.blockSize = this.blocks.height + "px";
    // What is in sight stays where it is when what lies above it changes.
    if (moved && bottom < this.#top()) scrollBy(0, moved);
  }

  #shapes(block) {
    return Array.from({ length: this.blocks.size(block) }, (_, i) => {
      const card = this.photos.at(block * BLOCK + i);
      return card ? shape(card.width, card.height) : 1.5;
    });
  }

  #layOut() {
    this.width = this.list.clientWidth;
    this.blocks = new Blocks(this.photos.total, {
      width: Math.max(1, this.width),
      height: Math.min(this.rowHeight, Math.max(90, this.width / 2.2)),
      gap: GAP,
    });
    for (let block = 0; block < this.blocks.count; block += 1) {
      if (this.photos.has(block)) this.blocks.known.set(block, this.#shapes(block));
    }
    if (this.blocks.count) this.blocks.learn(0, this.#shapes(0));
    this.list.style.blockSize = this.blocks.height + "px";
  }

  #again(first) {
    if (!this.photos) return;
    const focused = this.tiles.get(this.reached)?.link === document.activeElement;
    const { reached } = this;
    this.#clear();
    this.#layOut();
    if (first > 0) this.#reveal(first, "start");
    this.reached = reached;
    this.render();
    if (focused) this.focus(reached);
  }

  #resized() {
    if (this.list.clientWidth === this.width || !this.list.clientWidth) return;
    this.#again(this.#firstSeen());
  }

  #clear() {
    for (const each of this.tiles.values()) each.go();
    for (const controller of this.loading.values()) controller.abort();
    this.tiles.clear();
    this.loading.clear();
  }

  #soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  /** How far the top of the window lies below that of the grid. */
  #top() {
    return -this.list.getBoundingClientRect().top;
  }

  #firstSeen() {
    if (!this.blocks?.total) return 0;
    const top = this.#top() + this.#covered();
    return top <= 0 ? 0 : (this.blocks.between(top, top + 1)[0]?.index ?? 0);
  }

  /** Pixels that what sticks to the top of the window covers. */
  #covered() {
    return parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
  }

  #reveal(index, block = "nearest") {
    const box = this.blocks.box(index);
    const top = this.#top();
    const above = this.#covered();
    if (block === "start" || box.y < top + above) scrollBy(0, box.y - top - above - GAP);
    else if (box.y + box.height > top + innerHeight) {
      scrollBy(0, box.y + box.height - top - innerHeight + GAP + 64);
    }
  }

  #reach(index) {
    if (index === this.reached) return;
    const before = this.tiles.get(this.reached);
    if (before) before.link.tabIndex = -1;
    this.reached = index;
    const now = this.tiles.get(index);
    if (now) now.link.tabIndex = 0;
  }

  #key(event) {
    if (!this.blocks || event.altKey || event.ctrlKey || event.metaKey) return;
    const { reached } = this;
    const last = this.blocks.total - 1;
    const page = (direction) => {
      let index = reached;
      for (let row = 0; row < 3; row += 1) index = this.blocks.beside(index, direction);
      return index;
    };
    const to = {
      ArrowLeft: () => Math.max(0, reached - 1),
      ArrowRight: () => Math.min(last, reached + 1),
      ArrowUp: () => this.blocks.beside(reached, -1),
      ArrowDown: () => this.blocks.beside(reached, 1),
      PageUp: () => page(-1),
      PageDown: () => page(1),
      Home: () => 0,
      End: () => last,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.focus(to());
  }
}
