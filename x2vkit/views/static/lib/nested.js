// @ts-check
/** A view inside another: the same module and data as a view of its own, on a place within the first. */
import { uid } from "./elements.js";

/**
 * Renders a view's module into `place`. It follows the outer view where both know a selection, and what is
 * chosen inside reaches the kernel through the outer one.
 * @param {import("./view.js").View} view the outer view
 * @param {{ render: (place: { model: any, el: HTMLElement }) => () => void }} module
 * @param {{ metadata: any, selection: import("./view.js").Selection, buffer: DataView, linked?: boolean }} content
 * linked: whether it follows the outer view and is followed
 * @param {HTMLElement} place
 * @returns {() => void} ends it
 */
export function nest(view, module, { metadata, selection, buffer, linked = false }, place) {
  if (linked && !view.model.get("group")) view.model.set("group", uid("group"));
  const own = Object.fromEntries(
    Object.entries(selection).map(([key, value]) => [key, linked ? (view.selection[key] ?? value) : value]),
  );
  /** @type {Record<string, any>} */
  const values = { metadata, selection: own, buffer, group: linked ? view.model.get("group") : "" };
  const nothing = () => {};
  const model = {
    get: (/** @type {string} */ name) => values[name],
    set: (/** @type {string} */ name, /** @type {any} */ value) => (values[name] = value),
    on: nothing,
    off: nothing,
    save_changes: () => view.commit(),
    send: nothing,
  };
  const end = module.render({ model, el: place });
  view.signal.addEventListener("abort", end);
  return () => {
    view.signal.removeEventListener("abort", end);
    end();
  };
}
