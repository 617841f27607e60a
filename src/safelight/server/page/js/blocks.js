// Where each of very many photos stands, when only some of them are known. Pure.
//
// Photos come in blocks of as many as one request brings. A block that is known is broken into rows
// by the shapes of its photos; one that is not, by shapes that photos usually have. Blocks end in
// full rows, so that what one of them turns out to be never moves photos from one to another.

import { justify } from "./justified.js";

export const BLOCK = 100;

const USUAL = [1.5, 1.5, 0.75, 1.33, 1.5, 1.78, 0.67];

export class Blocks {
  constructor(total, wanted) {
    this.total = total;
    this.wanted = wanted;
    this.count = Math.ceil(total / BLOCK);
    this.known = new Map();
    this.laid = new Map();
    this.tops = new Float64Array(this.count + 1);
    // All unknown blocks but the last are alike: one is broken into rows for all of them.
    this.guess = this.#break(this.#guessed(BLOCK), false);
    this.#stack(0);
  }

  get height() {
    return Math.max(0, this.tops[this.count] - this.wanted.gap);
  }

  /** Tell the shapes of a block's photos. */
  learn(block, shapes) {
    this.known.set(block, shapes);
    this.laid.delete(block);
    this.#stack(block);
  }

  /** How many photos a block has. */
  size(block) {
    return Math.min(BLOCK, this.total - block * BLOCK);
  }

  rows(block) {
    const ends = block === this.count - 1;
    const shapes = this.known.get(block);
    if (!shapes && !ends) return this.guess;
    if (!this.laid.has(block)) {
      this.laid.set(block, this.#break(shapes ?? this.#guessed(this.size(block)), ends));
    }
    return this.laid.get(block);
  }

  /** The block that lies at `y`. */
  at(y) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** Boxes of all photos in rows that touch `from` to `to`, in order. */
  between(from, to) {
    const found = [];
    if (!this.count || to < 0) return found;
    for (let block = this.at(from); block < this.count && this.tops[block] <= to; block += 1) {
      const { rows, boxes } = this.rows(block);
      for (const row of rows) {
        const y = this.tops[block] + row.y;
        if (y > to) break;
        if (y + row.height < from) continue;
        for (let i = row.first; i < row.first + row.count; i += 1) {
          const index = block * BLOCK + i;
          found.push({ index, x: boxes[i].x, y, width: boxes[i].width, height: row.height });
        }
      }
    }
    return found;
  }

  /** The box of one photo. */
  box(index) {
    const block = Math.floor(index / BLOCK);
    const { rows, boxes } = this.rows(block);
    const i = index - block * BLOCK;
    const row = rows.find((each) => i < each.first + each.count);
    return {
      index,
      x: boxes[i].x,
      y: this.tops[block] + row.y,
      width: boxes[i].width,
      height: row.height,
    };
  }

  /** The photo above (-1) or below (1) another: the one in the next row nearest to its middle. */
  beside(index, direction) {
    const from = this.box(index);
    const y = direction < 0 ? from.y - this.wanted.gap - 1 : from.y + from.height + this.wanted.gap + 1;
    const row = y < 0 ? [] : this.between(y, y);
    const middle = from.x + from.width / 2;
    const away = (box) => Math.abs(box.x + box.width / 2 - middle);
    return row.length ? row.reduce((a, b) => (away(b) < away(a) ? b : a)).index : index;
  }

  #guessed(count) {
    return Array.from({ length: count }, (_, i) => USUAL[i % USUAL.length]);
  }

  #break(shapes, ends) {
    return justify(shapes, { ...this.wanted, ends });
  }

  #stack(first) {
    for (let block = first; block < this.count; block += 1) {
      this.tops[block + 1] = this.tops[block] + this.rows(block).height;
    }
  }
}
