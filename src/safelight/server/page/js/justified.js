// Rows of photos that all end at the same edge. Pure: numbers in, numbers out.

// A panorama would make its row a thread, a tower would fill the window alone.
const NARROWEST = 0.4;
const WIDEST = 4;

export const shape = (width, height) =>
  width > 0 && height > 0 ? Math.min(WIDEST, Math.max(NARROWEST, width / height)) : 1.5;

/**
 * Break photos into rows of which none is much higher or lower than wanted.
 *
 * Of all ways to break them, the one whose heights differ least (as ratios, squared and summed) is
 * taken, so that the last row is as full as the others. Only where nothing follows (`ends`) may it
 * stay short.
 *
 * @param {number[]} shapes width / height of each photo
 * @param {{width: number, height: number, gap: number, ends: boolean}} wanted
 * @returns {{rows: {first: number, count: number, y: number, height: number}[],
 *            boxes: {x: number, width: number}[], height: number}}
 *   `height` counts a gap below the last row, so that blocks can be put one below the other.
 */
export const justify = (shapes, { width, height, gap, ends }) => {
  const n = shapes.length;
  const sums = [0];
  for (const each of shapes) sums.push(sums.at(-1) + each);
  const high = (first, next) =>
    (width - gap * (next - first - 1)) / (sums[next] - sums[first]);

  const cost = new Float64Array(n + 1).fill(Infinity);
  const from = new Int32Array(n + 1);
  cost[0] = 0;
  for (let next = 1; next <= n; next += 1) {
    for (let first = next - 1; first >= 0; first -= 1) {
      const found = high(first, next);
      const off = Math.log(Math.max(found, 1) / height);
      const short = ends && next === n && found > height;
      const total = cost[first] + (short ? 0 : off * off);
      if (total < cost[next]) {
        cost[next] = total;
        from[next] = first;
      }
      if (found < height / 3) break;
    }
  }

  const breaks = [];
  for (let next = n; next > 0; next = from[next]) breaks.unshift(from[next]);

  const rows = [];
  const boxes = [];
  let y = 0;
  breaks.forEach((first, row) => {
    const next = breaks[row + 1] ?? n;
    const full = high(first, next);
    const short = ends && next === n && full > height;
    const exact = short ? height : full;
    const whole = Math.max(1, Math.round(exact));
    let edge = 0;
    for (let i = first; i < next; i += 1) {
      // Edges are rounded, not widths: so the row ends exactly where the others do.
      const left = Math.round(edge);
      edge += shapes[i] * exact;
      const last = i === next - 1 && !short;
      boxes.push({ x: left, width: Math.max(1, (last ? width : Math.round(edge)) - left) });
      edge += gap;
    }
    rows.push({ first, count: next - first, y, height: whole });
    y += whole + gap;
  });
  return { rows, boxes, height: y };
};
