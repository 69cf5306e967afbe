// @ts-check
/** How the model comes into the page, and how much of it is there. */
import { Model } from "./model.js";

/**
 * A model that reads prompts already, and that it makes clips too.
 * @param {import("../lib/view.js").View} view @param {import("./stage.js").Stage} stage @param {string} shape
 * @returns {Promise<{ model: Model, loading: Promise<any> }>}
 */
export async function bring(view, stage, shape) {
  const model = new Model(view.metadata.manifest, view.model.get("worker"));
  stage.decoder = () => model.preview;
  const { graphs } = model;
  const all = () => graphs.files.size(graphs.needed(shape));
  graphs.files.onBytes = () => {
    if (!view.root.dataset.refused) stage.arrive(graphs.files.come, all()); // other files may still come
  };
  await view.model.get("ready");
  const loading = model.load(shape).then(() => {
    graphs.files.onBytes = () => {};
  });
  loading.catch(() => {}); // until somebody waits for it
  await model.read();
  return { model, loading };
}
