// @ts-check
/** The arithmetic of views/supply.py, once more: a test holds the two to each other. */

/**
 * What follows from the settings.
 * @param {Record<string, number>} chosen per_minute, share, hollywood, steps, times, watts, price
 * @param {any} metadata flops_step, clip_seconds, machine
 */
export function sums(chosen, metadata) {
  const { clip, peak, use, watts, minutes } = metadata.machine;
  const uploaded = chosen.per_minute * minutes;
  const percent = 10 ** (chosen.share / 20 - 4);
  const competing = (uploaded * percent) / 100;
  const hollywood = Math.max(chosen.hollywood, 1) * 100;
  const clips = 3600 / metadata.clip_seconds;
  const times = 10 ** (chosen.times / 10);
  const steps = Math.max(chosen.steps, 1);
  const flops = clips * steps * metadata.flops_step * times;
  const hours = (((clips * clip * steps) / 20) * times) / 3600;
  const gpuHours = flops / (peak * use) / 3600;
  const dollars = chosen.price / 100;
  const kwh = (hours * chosen.watts) / 1000;
  const gpuMoney = ((gpuHours * watts) / 1000) * dollars;
  return {
    uploaded,
    percent,
    competing,
    ratio: competing / hollywood,
    hollywood,
    clips,
    flops,
    hours,
    kwh,
    money: kwh * dollars,
    gpu_hours: gpuHours,
    gpu_money: gpuMoney,
    rival_money: gpuMoney * hollywood,
    times,
  };
}
