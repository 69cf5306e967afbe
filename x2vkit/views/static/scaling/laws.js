// @ts-check
/** The laws as formulas: loss of compute along the frontier, and of parameters and clips. */
import { figure, formula, m, name, ratio, scientific, sign } from "../lib/formula.js";
import { power } from "../lib/numbers.js";

/** L(C) = floor + scale (C / unit)^−power. @param {any} law */
export function frontierLaw({ floor, scale, unit, power: exponent }) {
  const [a, b, c] = [floor.toFixed(3), scale.toFixed(3), exponent.toFixed(3)];
  const said = `L of C is ${a} plus ${b} times, C over ${power(unit)}, to the power of minus ${c}`;
  const raised = m("mrow", sign("−"), figure(c));
  const falls = ratio(name("C"), scientific(unit), raised);
  return formula(said, ...of("L", "C"), figure(a), sign("+"), figure(b), falls);
}

/** L(N, D) = E + A (N / 1M)^−a + B (D / 1k)^−b. @param {number[]} values */
export function jointLaw([floor, size, clips, bySize, byClips]) {
  const [E, A, B, a, b] = [floor, size, clips, bySize, byClips].map((value) => value.toFixed(3));
  const parts = `${A} over N in millions to the ${a} plus ${B} over D in thousands to the ${b}`;
  const said = `L of N and D is ${E} plus ${parts}`;
  const term = (factor, letter, unit, exponent) => [
    figure(factor),
    ratio(name(letter), m("msup", figure(10), figure(unit)), m("mrow", sign("−"), figure(exponent))),
  ];
  const terms = [...term(A, "N", 6, a), sign("+"), ...term(B, "D", 3, b)];
  return formula(said, ...of("L", "N", "D"), figure(E), sign("+"), ...terms);
}

/** "L(N, D) =" @param {string} letter @param {...string} of */
function of(letter, ...of) {
  const inner = of.flatMap((one, i) => (i ? [sign(","), name(one)] : [name(one)]));
  return [name(letter), sign("("), ...inner, sign(")"), sign("=")];
}
