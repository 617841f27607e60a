// Where a photo is shown large: it fits, or is zoomed and moved about.

import { byId } from "./dom.js";

/** Pixels of the longer side of what is shown. */
export const LARGE = 2048;

/** Pixels of the longer side of a photo that is zoomed into, at most. */
export const WHOLE = 16383;

const stage = () => byId("stage");
const frame = () => byId("photo-frame");

export const isZoomed = () => stage().classList.contains("zoomed");

/** Tell the photo's own size. */
export const sized = ({ width, height }) => {
  frame().dataset.width = width ?? 0;
  frame().dataset.height = height ?? 0;
  fit();
};

/** Make the frame as large as the photo is to be, so that the map of focus lies exactly on it. */
export const fit = () => {
  const [width, height] = [Number(frame().dataset.width), Number(frame().dataset.height)];
  const { clientWidth, clientHeight } = stage();
  if (!width || !height || !clientWidth) return;
  const fitting = Math.min(clientWidth / width, clientHeight / height, 1);
  // A pixel of the photo for a pixel of the screen, and noticeably larger in any case.
  const whole = Math.min(1, WHOLE / Math.max(width, height)) / devicePixelRatio;
  const scale = isZoomed() ? Math.max(whole, 2 * fitting) : fitting;
  frame().style.inlineSize = Math.round(width * scale) + "px";
  frame().style.blockSize = Math.round(height * scale) + "px";
};

export const zoom = (on) => {
  stage().classList.toggle("zoomed", on);
  byId("photo-zoom").setAttribute("aria-pressed", String(on));
  fit();
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = stage();
  if (on) stage().scrollTo((scrollWidth - clientWidth) / 2, (scrollHeight - clientHeight) / 2);
};

/** @param {{onSwipe: (by: number) => void}} options what a swipe does: 1 for the next, -1 */
export const startStage = ({ onSwipe }) => {
  let start = null;
  const box = stage();
  box.addEventListener(
    "touchstart",
    (event) => {
      start = event.touches.length === 1 && !isZoomed() ? event.touches[0] : null;
    },
    { passive: true },
  );
  box.addEventListener("touchend", (event) => {
    if (!start) return;
    const [end] = event.changedTouches;
    const [x, y] = [end.clientX - start.clientX, end.clientY - start.clientY];
    if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y)) onSwipe(x < 0 ? 1 : -1);
  });
  // A finger scrolls by itself; a mouse takes hold of the photo.
  box.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button || !isZoomed()) return;
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) box.scrollBy(-event.movementX, -event.movementY);
  });
  box.addEventListener("dragstart", (event) => event.preventDefault());
  new ResizeObserver(fit).observe(box);
};
