// @ts-check
/**
 * Denoising, step by step: what the model sees, what it predicts the clip to be, what the step changed, and
 * beside them the finished clip or what guidance does. Below, the noise schedule as a curve to click and
 * drag.
 */
import { stepName } from "../lib/controls.js";
import { h } from "../lib/elements.js";
import { commonKeys } from "../lib/keys.js";
import { mount } from "../lib/mount.js";
import { pageNotes } from "../lib/notes.js";
import { Player } from "../lib/player.js";
import { presets } from "../lib/presets.js";
import { promptLine } from "../lib/prompt.js";
import { ScaleBar } from "../lib/scalebar.js";
import { story } from "../lib/story.js";
import { terms } from "../lib/terms.js";
import { Latents, MOST } from "./latents.js";
import { Pictures } from "./pictures.js";
import { Schedule } from "./schedule.js";

export default mount(async (view) => {
  const { metadata, arrays } = view;
  const final = await view.image("frames");
  const decoded = arrays.previews ? await view.image("previews") : null;
  const pictures = new Pictures(view, new Latents(view, decoded), final);
  const scale = new ScaleBar({ label: "mean of red, green, blue, of 255 levels", high: `${MOST}+` });
  const player = new Player(view, { fps: metadata.fps, autoplay: true });
  const format = stepName(view, arrays.t);
  const stepper = new Player(view, {
    fps: 8,
    key: "step",
    label: "Step",
    format,
    loop: false,
    autoplay: true,
  });
  const curve = new Schedule(view, arrays.t, arrays.change);
  const tell = story(arrays.t, arrays.change);
  const told = h("p", { class: "x2v-told", role: "status" });
  const muted = (text) => h("div", { class: "x2v-muted" }, text);
  const help = muted("Keys: ← → frames, ↑ ↓ steps, space plays.");
  const controls = h("div", { class: "x2v-denoise-controls" }, stepper.root, player.root, scale.root, help);
  view.root.append(
    h("div", {}, promptLine(metadata.prompt, metadata.unknown), muted(metadata.run), pageNotes(metadata)),
    presets(view),
    pictures.root,
    told,
    h("div", { class: "x2v-row x2v-denoise-below" }, curve.root, controls),
    terms(view, ["latent", "noise level", "velocity", "pred_x0", "guidance", "plan", "preview", "VAE"]),
  );
  commonKeys(view, player);
  view.onSelect((selection) => {
    pictures.draw(selection);
    const text = tell(selection.step);
    if (told.textContent !== text) told.textContent = text;
  });
});
