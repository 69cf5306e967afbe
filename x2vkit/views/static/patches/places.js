// @ts-check
/** One place in every frame. */
import { PALETTE } from "../lib/colors.js";

/**
 * The pixels of one place in every frame; those of the patch are framed.
 * @param {import("./ribbon.js").Ribbon} ribbon
 * @param {import("../lib/picture.js").Pictures} film
 * @param {number} F
 * @param {ReturnType<typeof import("./tokens.js").boxOf> | null} region
 * @param {number} frame
 */
export function drawPlaces(ribbon, film, F, region, frame) {
  const gap = 5;
  const label = 14;
  const each = Math.max(20, Math.min(64, Math.floor(ribbon.width / F) - gap));
  const per = Math.max(1, Math.floor(ribbon.width / (each + gap)));
  const context = ribbon.start(
    JSON.stringify([region, frame]),
    Math.ceil(F / per) * (each + gap + label) + 4,
  );
  if (!context) return;
  if (!region) return;
  const muted = getComputedStyle(ribbon.canvas).color;
  const {
    rows: [y0, y1],
    columns: [x0, x1],
    times: [t0, t1],
  } = region;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  for (let i = 0; i < F; i++) {
    const x = (i % per) * (each + gap) + 3;
    const y = Math.floor(i / per) * (each + gap + label) + 3;
    const inside = i >= t0 && i < t1;
    context.globalAlpha = inside ? 1 : 0.75;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      film.bitmap,
      (i % film.columns) * film.width + x0,
      Math.floor(i / film.columns) * film.height + y0,
      x1 - x0,
      y1 - y0,
      x,
      y,
      each,
      each,
    );
    context.globalAlpha = 1;
    if (inside) {
      context.strokeStyle = PALETTE.orange;
      context.lineWidth = 3;
      context.strokeRect(x, y, each, each);
    }
    context.fillStyle = i === frame ? PALETTE.blue : muted;
    if (i === frame) context.fillRect(x, y + each + 3, each, 2);
    if (each > 15) context.fillText(String(i + 1), x + each / 2, y + each + label);
    ribbon.boxes.push({ x, y, w: each + gap, h: each + label, index: i });
  }
}
