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
  const context = ribbon.start(
    JSON.stringify([size.grid, arranged.order.length, slot, muted]) + arrangedKey(arranged, shade),
    Math.ceil(size.grid[0] * (lines * each + 5)) + 3,
  );
  if (!context) return;
  const solid = each > 4 ? 1 : 0;
  context.font = "11px system-ui, sans-serif";
  let marked = null;
  for (let i = 0; i < size.tokens; i++) {
    const time = Math.floor(i / place);
    const at = i % place;
    const token = arranged.order[i];
    const x = label + (at % per) * each;
    const y = time * (lines * each + 5) + Math.floor(at / per) * each + 2;
    if (at === 0) {
      context.fillStyle = muted;
      context.fillText(`t${time}`, 2, y + Math.min(Math.max(each - 2, 8), 11));
    }
    if (arranged.kept[token]) {
      context.fillStyle = shade.css[token][0];
      context.fillRect(x, y, each - solid, each - solid);
    } else if (each > 4) {
      context.strokeStyle = muted;
      context.lineWidth = 0.5;
      context.strokeRect(x + 1.5, y + 1.5, each - solid - 3, each - solid - 3);
    }
    if (i === slot) marked = [x, y];
    ribbon.boxes.push({ x, y, w: each, h: each, index: i });
  }
  if (marked) {
    context.strokeStyle = PALETTE.orange;
    context.lineWidth = 2.5;
    context.strokeRect(marked[0] - 0.5, marked[1] - 0.5, each, each);
  }
}
