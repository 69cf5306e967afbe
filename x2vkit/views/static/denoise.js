// @ts-check
/** Denoising, step by step: what the model saw, what it took the clip to be, what that changed. */
import { mount, h, Picture, Player, LatentPainter, stepSlider, promptLine, commonKeys } from "./common.js";

export default mount(async (view) => {
  const { facts, arrays } = view;
  const [, C, f, rows, columns] = view.shapes.latents;
  const painter = new LatentPainter(arrays.weight, arrays.bias, [C, f, rows, columns]);
  const size = C * f * rows * columns;
  const picture = (label) => new Picture(view, { width: painter.width, height: painter.height, label });
  const noisy = picture("Noisy"), clean = picture("Predicted clean");
  const player = new Player(view, { fps: facts.fps });
  view.root.append(promptLine(facts.prompt, facts.unknown), h("div", { class: "x2v-row" }, noisy.root, clean.root),
    stepSlider(view, { t: arrays.t }).root, player.root);
  commonKeys(view, player);
  view.onSelect(({ step, frame }) => {
    LatentPainter.pixels(painter.floats(arrays.latents, step * size, frame), noisy.data);
    LatentPainter.pixels(painter.floats(arrays.clean, step * size, frame), clean.data);
    noisy.put();
    clean.put();
  });
});
