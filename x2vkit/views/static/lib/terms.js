// @ts-check
/** The words of the field that a view uses, each explained where it is used: as docs/glossary.md has them. */
import { h, uid } from "./elements.js";

/** Term -> what it is. @type {Record<string, string>} */
export const TERMS = {
  adherence:
    "Whether a clip shows what its words say, thing by thing: subject, colour, place, action, " +
    "direction, camera. The text alignment of VBench and T2V-CompBench.",
  "all of it": "Share of the clips that show everything their words state, to the last thing.",
  attention:
    "Every token asks all tokens a question (its query), compares it with their keys, and takes their" +
    " values in the shares that a softmax makes of the comparison.",
  causal:
    "Looking back only: the autoencoder's frames depend on earlier frames, never on later ones. So a " +
    "still is a clip of one frame.",
  ceiling: "What the judge itself gets right on real renders; a score is read against it.",
  CFG:
    "Classifier-free guidance (arXiv 2207.12598): the model is asked with and without the words, and " +
    "their difference is enlarged.",
  conditions: "Everything a clip is to hold besides its words: given frames, control raster, boxes, camera.",
  EMA:
    "Exponential moving average of the weights over training. It is what is saved and used: steadier " +
    "than the weights of the last step.",
  entropy: "How widely a head of attention spreads, in bits: 0 is one token, log2 of their number all alike.",
  FLOPs: "Floating-point operations; here those of matrix products, two a multiply-add.",
  guidance: "Making the words count more than the training data would have them; see CFG.",
  judge: "The networks that read clips back into the world's terms, from pixels alone.",
  latent: "The numbers that the autoencoder writes a clip with: a grid of 4 × 8 × 8 pixels a position.",
  "latent position": "One place of the latent grid: 4 frames × 8 × 8 pixels, C numbers.",
  NFE:
    "Number of function evaluations: how often the network is asked for one clip. Guidance doubles " +
    "it, Heun's method too.",
  "noise level": "t in [0, 1]: how much of a latent is noise. 1 is noise alone, 0 is the video.",
  other:
    "The second subject of a prompt: the ball of “a dog next to a ball”. The share of such clips in " +
    "which the judge sees it.",
  patch: "A block of latent positions that makes one token: 1 × 2 × 2 here.",
  plan: "Boxes, turn, mouth and camera of every frame, made from the words before anything is drawn.",
  pred_x0: "The clip as it is predicted at a step: latents - t × velocity.",
  preview: "A quick picture of latents, by one small matrix instead of the decoder.",
  reach: "How far in time a head of attention looks, in latent frames, on average.",
  RoPE:
    "Rotary position embedding (arXiv 2104.09864): queries and keys are turned by angles that grow " +
    "with their position, so that a score depends on how far two tokens are apart. Here on three " +
    "axes.",
  "scaling law": "How loss falls with training compute, as a formula with fitted numbers.",
  "share of it":
    "Of the things that a prompt states, the share that its clip shows; the mean over the clips.",
  token: "What a transformer reads a row of: here a word, or a patch of the video.",
  trace: "The frozen record of one run; every view reads only that.",
  VAE:
    "Variational autoencoder: an encoder from pixels to latents and a decoder back, with latents kept" +
    " near a normal distribution (arXiv 1312.6114).",
  velocity:
    "noise - video: which way a noisy latent moves as t grows, and what the transformer is trained to" +
    " tell.",
};

/**
 * A line of the terms that a view uses; each opens its sentence below.
 * @param {import("./view.js").View} view
 * @param {string[]} names keys of TERMS
 */
export function terms(view, names) {
  const id = uid("term");
  const told = h("p", { id, class: "x2v-term-told", role: "status", hidden: true });
  let shown = "";
  const buttons = names.map((name) => {
    const it = h(
      "button",
      {
        type: "button",
        class: "x2v-term",
        "aria-label": `What is ${name}?`,
        "aria-controls": id,
        "aria-expanded": "false",
        title: TERMS[name],
      },
      name,
      h("span", { class: "x2v-term-mark", "aria-hidden": "true" }, "?"),
    );
    view.listen(it, "click", () => tell(shown === name ? "" : name));
    return it;
  });
  const tell = (name) => {
    shown = name;
    buttons.forEach((one, i) => one.setAttribute("aria-expanded", String(names[i] === name)));
    told.hidden = !name;
    told.replaceChildren(...(name ? [h("strong", {}, name), `: ${TERMS[name]}`] : []));
  };
  return h(
    "div",
    { class: "x2v-terms" },
    h("div", { class: "x2v-terms-row" }, h("span", { class: "x2v-muted" }, "What is"), ...buttons),
    told,
  );
}
