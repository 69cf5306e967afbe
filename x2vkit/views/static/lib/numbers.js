// @ts-check
/** Curves, and numbers for people. */

/** Superscripts, for powers of ten. */
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A curve at x, straight in logarithms between its points. @param {any} curve @param {number} x */
export function at(curve, x, name = "y") {
  const xs = curve.x;
  const ys = curve[name];
  let i = 1;
  while (i < xs.length - 1 && xs[i] < x) i++;
  const part = Math.min(1, Math.max(0, Math.log(x / xs[i - 1]) / Math.log(xs[i] / xs[i - 1])));
  return Math.exp(Math.log(ys[i - 1]) * (1 - part) + Math.log(ys[i]) * part);
}

/** @param {number} n */
export function raise(n) {
  return [...String(n)].map((digit) => (digit === "-" ? "⁻" : RAISED[Number(digit)])).join("");
}

/** As in 1.3 × 10¹³. @param {number} value */
export function power(value) {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  return `${(value / 10 ** exponent).toFixed(1)} × 10${raise(exponent)}`;
}

/** @param {number} value */
export function short(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(2)).toString();
}

/** @param {number} params */
export function millions(params) {
  return `${(params / 1e6).toPrecision(2)}M`;
}

/** @param {number} value */
export function many(value) {
  for (const [unit, size] of [
    ["trillion", 1e12],
    ["billion", 1e9],
    ["million", 1e6],
    ["thousand", 1e3],
  ]) {
    if (value >= Number(size) && value < 1000 * Number(size))
      return `${Number((value / Number(size)).toPrecision(2))} ${unit}`;
  }
  return value >= 1e15 ? power(value) : short(value);
}

/** For an input. @param {number} value */
export function number(value) {
  return value >= 1e6 || value < 1e-3
    ? value.toExponential(2)
    : Number(value.toPrecision(3)).toLocaleString("en");
}

/** @param {number} value */
export function percent(value) {
  return `${Math.round(100 * value)} %`;
}

/** A checkpoint in few words. @param {any} point */
export function pointName(point) {
  return `${millions(point.params)}, ${power(point.flops)} FLOPs`;
}
