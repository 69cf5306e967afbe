// @ts-check
/** Arrays in one buffer, as views/buffer.py packs them for a view; ../lib/unpack.js undoes it. */

const ALIGN = 8;

/**
 * @param {Record<string, { shape: number[], data: any, image?: { mime: string, columns: number } }>} arrays
 * @returns {{ entries: any[], buffer: DataView }}
 */
export function pack(arrays) {
  const entries = [];
  let length = 0;
  for (const [name, { shape, data, image }] of Object.entries(arrays)) {
    const dtype = image ? "image" : KINDS.get(data.constructor);
    entries.push({ name, shape, dtype, offset: length, bytes: data.byteLength, ...image });
    length += Math.ceil(data.byteLength / ALIGN) * ALIGN;
  }
  const buffer = new Uint8Array(length);
  for (const { name, offset } of entries) {
    const { data } = arrays[name];
    buffer.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
  }
  return { entries, buffer: new DataView(buffer.buffer) };
}

const KINDS = new Map(
  /** @type {[any, string][]} */ ([
    [Uint8Array, "uint8"],
    [Int16Array, "int16"],
    [Int32Array, "int32"],
    [Float32Array, "float32"],
  ]),
);

/**
 * Frames (F, H, W, 3) as one image, row by row, without loss.
 * @param {Uint8Array} frames @param {{ frames: number, height: number, width: number }} size
 */
export async function sheet(frames, { frames: count, height, width }) {
  const columns = Math.max(1, Math.ceil(Math.sqrt((count * height) / width)));
  const canvas = document.createElement("canvas");
  canvas.width = columns * width;
  canvas.height = Math.ceil(count / columns) * height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (let i = 0; i < count; i++)
    context.putImageData(
      picture(frames, i, height, width),
      (i % columns) * width,
      Math.floor(i / columns) * height,
    );
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const data = new Uint8Array(await /** @type {Blob} */ (blob).arrayBuffer());
  return { shape: [count, height, width, 3], data, image: { mime: "image/png", columns } };
}

/** One frame as a canvas takes it. @param {Uint8Array} frames @param {number} index */
export function picture(frames, index, height, width) {
  const image = new ImageData(width, height);
  for (let i = 0, from = index * height * width * 3; i < image.data.length; i += 4, from += 3) {
    image.data[i] = frames[from];
    image.data[i + 1] = frames[from + 1];
    image.data[i + 2] = frames[from + 2];
    image.data[i + 3] = 255;
  }
  return image;
}
