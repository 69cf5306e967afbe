// @ts-check
/** Elements of HTML and SVG, and ids for them. */

/**
 * An element with attributes and children. `class`, `for`, `aria-...` as in HTML; strings become text.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | number | null)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children)
    if (child !== null) element.append(typeof child === "number" ? String(child) : child);
  return element;
}

const SVG_TAGS = new Set([
  "svg",
  "g",
  "path",
  "circle",
  "line",
  "rect",
  "text",
  "polyline",
  "tspan",
  "title",
]);

let ids = 0;

/** A new id for aria-labelledby and the like. @param {string} [name] */
export function uid(name = "id") {
  ids += 1;
  return `x2v-${name}-${ids}-${Math.random().toString(36).slice(2, 8)}`;
}
