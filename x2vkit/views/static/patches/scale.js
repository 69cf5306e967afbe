// @ts-check
/** Clip, latents and tokens as areas, in proportion to their bytes. */
import { tokenPlace } from "../lib/geometry.js";
import { paintTokens } from "./colors.js";
import { arrangedKey } from "./ribbon.js";

/** More tokens than these are drawn as one picture. */
const MANY = 4000;

/** Tokens as pixels of one picture. */
function drawMany(context, size, shade, [x, y, w, h]) {
  const { tokens, grid, patch } = size;
  const order = Uint32Array.from({ length: tokens }, (_, i) => i);
  const kept = new Uint8Array(tokens).fill(1);
  const image = paintTokens(size, /** @type {any} */ ({ order, kept }), shade.words);
  const wide = grid[2] * patch[2];
  for (let time = 0; time < grid[0]; time++)
    context.drawImage(image, time * wide, 0, wide, image.height, x + time * w, y, w * 0.96, h * 0.96);
}

/**
 * Clip, latents and tokens as areas in proportion to their bytes, each made of what it is.
 * @param {import("./ribbon.js").Ribbon} ribbon
 * @param {import("../lib/view.js").View} view
 * @param {any} options
 */
export function drawScale(ribbon, view, { film, latents, shade, size, fg, muted }) {
  const { metadata } = view;
  const [F, H, W] = metadata.shape;
  const [C, f, hh, ww] = metadata.latent;
  const bytes = [
    F * H * W * 3 * metadata.shrink ** 2,
    C * f * hh * ww * metadata.number_bytes,
    size.tokens * size.numbers * metadata.number_bytes,
  ];
  const most = Math.min(120, (ribbon.width - 4) / F);
  const tall = H / W;
  const text = 18;
  const sides = [
    most,
    most * Math.sqrt((bytes[1] / bytes[0]) * (F / f)),
    most * Math.sqrt((bytes[2] / bytes[0]) * (F / size.grid[0])),
  ];
  const below = most * tall + 2 * text + 14;
  const narrow = ribbon.width < 620;
  const lower = Math.max(sides[1] * tall, sides[2] * tall, 3 * text) + 8; // the height of latents, and of tokens
  const context = ribbon.start(arrangedKey(latents, shade) + fg, below + lower * (narrow ? 2 : 1));
  if (!context) return;
  const say = (line, x, y, strong = false) => {
    context.fillStyle = strong ? fg : muted;
    context.font = `${strong ? "600 " : ""}12px system-ui, sans-serif`;
    context.fillText(line, x, y);
  };
  const amount = (value) => value.toLocaleString("en");
  context.imageSmoothingEnabled = true;
  for (let i = 0; i < F; i++) {
    context.drawImage(
      film.bitmap,
      (i % film.columns) * W,
      Math.floor(i / film.columns) * H,
      W,
      H,
      i * most,
      2,
      most * 0.97,
      most * tall * 0.97,
    );
  }
  say(`${amount(bytes[0])} bytes`, 0, most * tall + text, true);
  context.font = "600 12px system-ui, sans-serif";
  say(
    `of pixels: ${F} × ${H * metadata.shrink} × ${W * metadata.shrink} × 3 colours`,
    context.measureText(`${amount(bytes[0])} bytes`).width + 6,
    most * tall + text,
  );
  context.imageSmoothingEnabled = false;
  for (let i = 0; i < f; i++)
    context.drawImage(
      latents.canvas,
      i * ww,
      0,
      ww,
      hh,
      i * sides[1],
      below,
      sides[1] * 0.96,
      sides[1] * tall * 0.96,
    );
  let x = f * sides[1] + 10;
  const ratio = (i) => `1/${(bytes[0] / bytes[i]).toFixed(1)} of the bytes`;
  say(`${amount(bytes[1])} bytes`, x, below + 12, true);
  say(
    `of latents: ${amount(C * f * hh * ww)} numbers of ${8 * metadata.number_bytes} bits`,
    x,
    below + 12 + text,
  );
  say(ratio(1), x, below + 12 + 2 * text);
  x = narrow ? 0 : Math.max(x + 210, ribbon.width * 0.5);
  const y = narrow ? below + lower : below;
  const [n, rows, columns] = size.grid;
  const w = sides[2] / columns;
  const t = (sides[2] * tall) / rows;
  if (size.tokens > MANY) drawMany(context, size, shade, [x, y, sides[2], sides[2] * tall]);
  for (let i = 0; i < size.tokens && size.tokens <= MANY; i++) {
    const at = tokenPlace(i, size.grid);
    const small = Math.min(w, t) > 3 ? 0.8 : 0;
    context.fillStyle = shade.css(i)[0];
    context.fillRect(x + at.time * sides[2] + at.column * w, y + at.row * t, w - small, t - small);
  }
  x += n * sides[2] + 10;
  say(`${amount(bytes[2])} bytes`, x, y + 12, true);
  say(`of tokens: ${amount(size.tokens)} × ${amount(size.numbers)} numbers`, x, y + 12 + text);
  say(
    bytes[2] === bytes[1] ? "the same numbers, cut up" : "the same numbers, cut up and filled with zeros",
    x,
    y + 12 + 2 * text,
  );
}
