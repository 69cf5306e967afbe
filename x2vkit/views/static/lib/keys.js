// @ts-check
/** Keys of the keyboard, for a whole view. */

// text, not emoji

/**
 * Keys for the whole view: key name -> what to do. Ignored where one types, and where a control has focus
 * that uses the key itself.
 * @param {import("./view.js").View} view
 * @param {Record<string, () => void>} table
 */
export function keys(view, table) {
  view.listen(view.root, "keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const own = { BUTTON: /^( |Enter)$/, INPUT: /./, SELECT: /./, TEXTAREA: /./ }[target.tagName];
    if (own?.test(event.key)) return;
    const act = table[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    view.commit();
  });
}

/**
 * The keys that mean the same in every view.
 * @param {import("./view.js").View} view
 * @param {import("./player.js").Player | null} player
 */
export function commonKeys(view, player) {
  const by = (key, step) => () => {
    if (key in view.selection) view.select({ [key]: view.selection[key] + step });
  };
  /** @type {Record<string, () => void>} */
  const table = {
    ArrowLeft: by("frame", -1),
    ArrowRight: by("frame", 1),
    ArrowUp: by("step", 1), // as on a slider
    ArrowDown: by("step", -1),
  };
  if (player) table[" "] = () => (player.playing ? player.pause() : player.play());
  keys(view, table);
}
