// @ts-check
/** Formulas as MathML, which browsers set themselves. */

const MATH = "http://www.w3.org/1998/Math/MathML";

/**
 * One element of MathML.
 * @param {string} tag
 * @param {...(Node | string)} children
 */
export function m(tag, ...children) {
  const element = document.createElementNS(MATH, tag);
  element.append(...children);
  return element;
}

/** A name: one letter in italics, longer ones upright. @param {string} text */
export const name = (text) => m("mi", text);

/** @param {string} text */
export const sign = (text) => m("mo", text);

/** @param {string | number} value */
export const figure = (value) => m("mn", String(value));

/** A power of ten with its factor, as in 1.3 × 10¹³. @param {number} value */
export function scientific(value) {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  const factor = (value / 10 ** exponent).toFixed(1);
  return m("mrow", figure(factor), sign("×"), m("msup", figure(10), figure(exponent)));
}

/** (over / under) to a power. @param {Node} over @param {Node} under @param {Node} exponent */
export function ratio(over, under, exponent) {
  const inner = m("mrow", sign("("), m("mfrac", over, under), sign(")"));
  return m("msup", inner, exponent);
}

/** A formula in a line of its own; `said` for whoever hears it. @param {string} said @param {...Node} parts */
export function formula(said, ...parts) {
  const math = m("math", m("mrow", ...parts));
  math.setAttribute("display", "block");
  math.setAttribute("aria-label", said);
  return math;
}
