// @ts-check
/** What happens at a denoising step, in a sentence, told from the run's own numbers. */

/**
 * A sentence for every step.
 * @param {ArrayLike<number>} t (S + 1) noise levels
 * @param {Float32Array} change (S) how far each step moved the prediction, of 255
 * @returns {(step: number) => string}
 */
export function story(t, change) {
  const moved = [...change]
    .reduce((sums, one) => [...sums, (sums[sums.length - 1] ?? 0) + one], [0])
    .slice(1);
  const whole = moved[moved.length - 1] || 1;
  return (step) => {
    const noise = `${Math.round(100 * t[step])} % noise`;
    const share = `${Math.round((100 * moved[step]) / whole)} %`;
    if (step === 0)
      return (
        `${noise}: the model sees nothing of a clip. What it predicts comes from the words and the plan, ` +
        "and is their average: soft areas of colour."
      );
    if (step === change.length - 1 && t[step] > 0.05)
      return (
        `The last step: what is left of the noise, ${Math.round(100 * t[step])} %, goes at once. ` +
        "From here the prediction is the clip."
      );
    if (step === change.length - 1) return `The last step: from here the prediction is the clip.`;
    const done = `${share} of all change in the prediction is behind`;
    if (t[step] > 0.85)
      return `${noise}: where things stand and how large they are is being decided; ${done}.`;
    if (t[step] > 0.6) return `${noise}: the layout holds now, shapes and their colours settle; ${done}.`;
    return `${noise}: only edges and small things still move; ${done}.`;
  };
}
