// @ts-check
/** Colours and scales, as in views/style.py; a test holds the two to each other. */

/** Colours of lines and marks. blue: what is shown; orange: where you are. */
export const PALETTE = {
  blue: "#3f7fd9",
  orange: "#e07b22",
  green: "#2a9d78",
  purple: "#9067c6",
  red: "#d1495b",
  grey: "#7c8894",
};

/** From nothing to the most, for amounts. */
export const HEAT = [
  "#0b0724",
  "#2a0f54",
  "#571073",
  "#822580",
  "#b0357b",
  "#dc4e69",
  "#f57b5d",
  "#fdad74",
  "#fddda2",
  "#fcfdbf",
];

/** From less over none to more, for what can be negative. */
export const SIGNED = ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"];

/** 256 colours between even stops -> Uint8Array of r, g, b. @param {string[]} stops */
export function ramp(stops) {
  const rgb = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const out = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++)
      out[3 * i + c] = Math.round(rgb[low][c] + (place - low) * (rgb[low + 1][c] - rgb[low][c]));
  }
  return out;
}

const HEAT_TABLE = ramp(HEAT);

/** The colour of an amount in 0..1 as [r, g, b]. @param {number} value */
export function heat(value, table = HEAT_TABLE) {
  const i = 3 * Math.round(255 * Math.min(Math.max(value || 0, 0), 1));
  return [table[i], table[i + 1], table[i + 2]];
}

/**
 * 256 colours as words of a picture's memory (red in the lowest byte), for pictures of many amounts.
 * @param {(level: number) => number} alpha opacity, 0..1, of a level in 0..1
 */
export function heatWords(alpha = () => 1) {
  const words = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const [r, g, b] = [0, 1, 2].map((k) => HEAT_TABLE[3 * i + k]);
    words[i] = ((Math.round(255 * alpha(i / 255)) << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return words;
}

/** The place of a level in 0..1 among 256. @param {number} level */
export function shade(level) {
  return level >= 1 ? 255 : level > 0 ? Math.round(255 * level) : 0;
}

/** The colour of an amount in 0..1 for CSS. @param {number} value */
export function heatCss(value) {
  return `rgb(${heat(value).join(" ")})`;
}

/**
 * Amounts as a picture. @param {ArrayLike<number>} values row-major, as many as pixels
 * @param {number} most the value that gets the brightest colour @param {ImageData} image
 */
export function heatPixels(values, most, image, table = HEAT_TABLE) {
  const scale = most > 0 ? 255 / most : 0;
  for (let i = 0, j = 0; i < values.length; i++, j += 4) {
    const k = 3 * Math.min(255, Math.max(0, Math.round(values[i] * scale)));
    image.data[j] = table[k];
    image.data[j + 1] = table[k + 1];
    image.data[j + 2] = table[k + 2];
    image.data[j + 3] = 255;
  }
  return image;
}
