// @ts-check
/**
 * What all views share in the browser. The views' Python half is at the top of views/base.py.
 *
 * How to write a view, static/shades/index.js:
 *
 *     import { h } from "../lib/elements.js";
 *     import { mount } from "../lib/mount.js";
 *     import { Picture } from "../lib/picture.js";
 *     import { Player } from "../lib/player.js";
 *
 *     export default mount(async (view) => {
 *       const frames = await view.image("frames");                      // a SpriteSheet
 *       const shades = view.arrays.shades;                              // a typed array, row-major
 *       const picture = new Picture(view, { width: 128, height: 128, label: "The clip" });
 *       const player = new Player(view, { fps: view.metadata.fps });    // play, loop, speed, frame slider
 *       view.root.append(h("div", { class: "x2v-row" }, picture.root), player.root);
 *       view.onSelect(({ frame }) => {                                  // at first, and after every change
 *         picture.image(frames, frame);
 *         picture.caption(`frame ${frame}: ${shades[frame].toFixed(1)}`);
 *       });
 *     });
 *
 * Rules. Nothing global: look only inside view.root (marimo renders into a ShadowRoot). Listeners through
 * view.listen, timers through view.signal, so that a second run leaves nothing behind. `view.select` while
 * a finger is down or a clip plays: the browser redraws, linked views follow, the kernel hears nothing.
 * `view.commit` once it is let go: one message. Hover goes to a Tooltip, never into the selection. Drawing
 * reads the selection and nothing else. No fetch, no eval, no innerHTML with a prompt in it.
 *
 * `// @ts-check` and JSDoc types: an editor checks these files as they are (jsconfig.json); there is
 * nothing to build.
 */
import { h } from "./elements.js";
import { View } from "./view.js";

/**
 * A view's default export, from a function that builds it once per rendering. What it throws, and what
 * Python refused, is said in the widget's place.
 * @param {(view: View) => void | Promise<void>} build
 */
export function mount(build) {
  return {
    /** @param {{ model: any, el: HTMLElement }} place */
    render({ model, el }) {
      let view = new View(model, el);
      const start = async () => {
        try {
          if (view.metadata.error) return complain(view, view.metadata.error);
          while (!view.loaded) {
            await view.ready; // more may come while the first is unpacked
            view.signal.throwIfAborted();
          }
          await build(view);
          view.root.dataset.ready = "true";
        } catch (error) {
          if (view.signal.aborted) return;
          console.error(error);
          complain(view, {
            got: "This view",
            rule: `it failed to draw (${error})`,
            cure: "please report it",
          });
        }
      };
      start();
      // A view that could show nothing is built anew when Python gives it something (View.show).
      const again = () => {
        if (!view.metadata.error && !view.root.dataset.error) return;
        view.end();
        view = new View(model, el);
        start();
      };
      model.on("change:metadata", again);
      return () => {
        model.off("change:metadata", again);
        view.end();
      };
    },
  };
}

/** @param {View} view @param {{got: string, rule: string, cure: string}} error */
function complain(view, { got, rule, cure }) {
  view.root.dataset.error = "true";
  const line = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  view.root.replaceChildren(
    h(
      "div",
      { class: "x2v-error", role: "alert" },
      h("strong", {}, `Nothing to show: ${got}`),
      h("p", {}, line(rule)),
      h("p", {}, `What to do: ${cure}.`),
    ),
  );
}
