// @ts-check
/** All tokens in the order in which the transformer reads them. */
import { PALETTE } from "../lib/colors.js";
import { arrangedKey } from "./ribbon.js";

/**
 * All slots in reading order, a little apart where a new moment begins.
 * @param {import("./ribbon.js").Ribbon} ribbon
 * @param {import("./tokens.js").Size} size
 * @param {import("./tokens.js").Arranged} arranged
 * @param {ReturnType<typeof import("./colors.js").shades>} shade
 * @param {number} slot
 * @param {string} muted
 */
export function drawSequence(ribbon, size, arranged, shade, slot, muted) {
  const label = 22;
  const width = ribbon.width - label - 2;
  const place = size.grid[1] * size.grid[2];
  // As few lines to a moment as stay legible, each of whole rows of the picture.
  let lines = 0;
  let per = 1;
  let each = 0;
  do {
    lines += 1;
    per = Math.ceil(size.grid[1] / lines) * size.grid[2];
    each = Math.min(18, width / per);
  } while (lines < size.grid[1] && each < 6);
  const most = 260 / size.grid[0] - 5; // a moment's height, so that long clips stay on the page
  for (; lines * each > most && each > 2; lines = Math.ceil(place / per)) {
    each -= 0.25;
    per = Math.floor(width / each);
  }
  const key = JSON.stringify([size.grid, arranged.order.length, muted]) + arrangedKey(arranged, shade);
  const high = lines * each + 5;
  const context = ribbon.start(`${key}${slot}`, Math.ceil(size.grid[0] * high) + 3);
  if (!context) return;
  const at = (/** @type {number} */ i) => {
    const inside = i % place;
    return [
      label + (inside % per) * each,
      Math.floor(i / place) * high + Math.floor(inside / per) * each + 2,
    ];
  };
  ribbon.find = (x, y) => {
    const time = Math.floor(y / high);
    const inside = Math.floor((y - time * high - 2) / each) * per + Math.floor((x - label) / each);
    const right = x >= label && x < label + per * each && y - time * high < lines * each + 2;
    return right && inside >= 0 && inside < place && time < size.grid[0] ? time * place + inside : -1;
  };
  ribbon.below(context, key, () => {
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = muted;
    for (let time = 0; time < size.grid[0]; time++)
      context.fillText(`t${time}`, 2, time * high + 2 + Math.min(Math.max(each - 2, 8), 11));
    if (each > 4) drawBoxes(context, arranged, shade, { at, each, muted });
    else drawDots(context, arranged, shade, { at, each });
  });
  if (slot < 0) return;
  const [x, y] = at(slot);
  context.strokeStyle = PALETTE.orange;
  context.lineWidth = 2.5;
  const wide = Math.max(each, 4);
  context.strokeRect(x - 0.5, y - 0.5, wide, wide);
}

/** Tokens as boxes a little apart; dropped ones as frames. */
function drawBoxes(context, { order, kept }, shade, { at, each, muted }) {
  for (let i = 0; i < order.length; i++) {
    const [x, y] = at(i);
    if (kept[order[i]]) {
      context.fillStyle = shade.css(order[i])[0];
      context.fillRect(x, y, each - 1, each - 1);
      continue;
    }
    context.strokeStyle = muted;
    context.lineWidth = 0.5;
    context.strokeRect(x + 1.5, y + 1.5, each - 4, each - 4);
  }
}

/** Very many tokens, straight into the picture's memory. */
function drawDots(context, { order, kept }, shade, { at, each }) {
  const { width, height } = context.canvas;
  const ratio = context.getTransform().a;
  const left = Math.floor(at(0)[0] * ratio); // names stand beside
  const image = context.createImageData(width - left, height);
  const words = new Uint32Array(image.data.buffer);
  const side = Math.max(1, Math.ceil(each * ratio));
  for (let i = 0; i < order.length; i++) {
    if (!kept[order[i]]) continue;
    const [x, y] = at(i).map((v) => Math.round(v * ratio));
    const from = x - left;
    const end = Math.min(from + side, image.width);
    for (let row = y; row < y + side && row < height; row++)
      words.fill(shade.words[order[i]], row * image.width + from, row * image.width + end);
  }
  context.putImageData(image, left, 0);
}
