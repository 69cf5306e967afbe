// @ts-check
/** A clip, or what a step takes it to be, in a picture. */
import { Geometry } from "../lib/geometry.js";
import { LatentPainter } from "../lib/painter.js";
import { picture } from "./pack.js";

/**
 * @typedef {{ weight: Float32Array, bias: Float32Array }} Decoder linear
 * @typedef {{ grid: number[], size: number[], steps: number, prompt: string }} Next a clip that is being made
 */

/** @param {import("../lib/picture.js").Picture} place @param {import("./model.js").Made} made @param {number} frame */
export function paintFrame(place, made, frame) {
  const { frames, height, width } = made.size;
  place.context.putImageData(picture(made.frames, Math.min(frame, frames - 1), height, width), 0, 0);
}

/**
 * @param {import("../lib/picture.js").Picture} place @param {Float32Array} latents @param {number} frame
 * @param {Next} next @param {any} manifest @param {Decoder} decoder
 */
export function paintPreview(place, latents, frame, { grid, size }, manifest, { weight, bias }) {
  const geometry = new Geometry(manifest.geometry);
  const painter = new LatentPainter(weight, bias, [manifest.channels, ...grid], geometry);
  LatentPainter.pixels(painter.floats(latents, 0, Math.min(frame, size[0] - 1)), place.data);
  place.put();
}
