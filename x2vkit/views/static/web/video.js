// @ts-check
/** A clip as a video file, by the browser's own encoder. */
import { h } from "../lib/elements.js";
import { picture } from "./pack.js";

/** How often the file repeats the clip: two seconds are over soon. */
const REPEATS = 3;
/** Times as wide as the clip: encoders blur small pictures. */
const SCALE = 3;
const KINDS = [
  "video/mp4;codecs=avc1.42E01E",
  "video/webm;codecs=vp9",
  "video/webm;codecs=vp8",
  "video/webm",
];

/**
 * As mp4 or webm, whatever this browser writes; a still as png. It takes as long as the video lasts.
 * @param {import("./model.js").Made} made @param {number} fps
 * @returns {Promise<{ name: string, blob: Blob }>}
 */
export async function video({ frames, size, asked }, fps) {
  const name = asked.prompt.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "clip";
  const canvas = h("canvas", { width: size.width * SCALE, height: size.height * SCALE });
  const small = h("canvas", { width: size.width, height: size.height });
  const context = canvas.getContext("2d");
  const draw = (index) => {
    small.getContext("2d").putImageData(picture(frames, index, size.height, size.width), 0, 0);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  };
  draw(0);
  const mime = globalThis.MediaRecorder && KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  if (size.frames === 1 || !mime) {
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    return { name: `${name}.png`, blob };
  }
  const blob = await recorded(canvas, draw, { mime, fps, frames: size.frames });
  return { name: `${name}.${mime.includes("mp4") ? "mp4" : "webm"}`, blob };
}

/**
 * @param {HTMLCanvasElement} canvas @param {(index: number) => void} draw a frame into it
 * @param {{ mime: string, fps: number, frames: number }} options
 */
async function recorded(canvas, draw, { mime, fps, frames }) {
  const stream = canvas.captureStream(0); // a frame where one is asked for, and no other
  const [track] = /** @type {CanvasCaptureMediaStreamTrack[]} */ (stream.getVideoTracks());
  const recorder = new MediaRecorder(stream, { mimeType: mime, videoBitsPerSecond: 4e6 });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  const started = new Promise((done) => (recorder.onstart = done));
  recorder.start();
  await started;
  const began = performance.now();
  for (let i = 0; i < frames * REPEATS; i++) {
    draw(i % frames);
    if (i) track.requestFrame(); // a stream takes its first by itself
    const due = began + ((i + 1) * 1000) / fps; // each waits for its own time, so that delays do not add up
    await new Promise((done) => setTimeout(done, due - performance.now()));
  }
  recorder.stop();
  await stopped;
  track.stop();
  return new Blob(parts, { type: mime });
}
