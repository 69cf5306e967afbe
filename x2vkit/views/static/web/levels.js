// @ts-check
/** Noise levels and guidance, as core/sampler.py and core/guidance.py; float32 as there. */

/** @typedef {{ steps: number, guidance: number, guidance_ramp: number, shift: number, last_level: number }} Sampling */

const f = Math.fround;

/**
 * Levels from 1 to the last one, bent towards 1 by the shift, then 0.
 * @param {number} steps
 * @param {Sampling} sampling
 * @returns {number[]} steps + 1 of them
 */
export function noiseLevels(steps, { shift, last_level }) {
  const last = last_level / (shift - (shift - 1) * last_level);
  const levels = [];
  for (let i = 0; i < steps; i++) {
    const even = f(steps === 1 ? 1 : 1 + (i * (last - 1)) / (steps - 1));
    levels.push(f(f(shift * even) / f(1 + f((shift - 1) * even))));
  }
  return [...levels, 0];
}

/**
 * The velocity to follow: (B) conditional + weight (conditional - unconditional).
 * @param {Float32Array} conditional
 * @param {Float32Array | null} unconditional null without guidance
 * @param {number} t
 * @param {Sampling} sampling
 */
export function guided(conditional, unconditional, t, { guidance, guidance_ramp }) {
  if (!unconditional) return conditional;
  const weight = Math.min(1, t / guidance_ramp) * (guidance - 1);
  return conditional.map((value, i) => value + weight * (value - unconditional[i]));
}

/** One Euler step, and with `to` = 0 the prediction of the clip. */
export function follow(latents, velocity, from, to) {
  const by = f(to - from);
  return latents.map((value, i) => value + f(by * velocity[i]));
}
