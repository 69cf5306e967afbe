// @ts-check
/** Canvases for lines and text. */

/**
 * A canvas for lines and text, sharp on any screen: draw in CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
export function sharp(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * A colour of the theme as it is now, for canvases.
 * @param {import("./view.js").View} view
 * @param {"fg"|"bg"|"muted"|"line"|"accent"} name
 */
export function themeColor(view, name) {
  return getComputedStyle(view.root).getPropertyValue(`--x2v-${name}`).trim();
}
