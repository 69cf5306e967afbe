// @ts-check
/**
 * What a prompt asks for that the model cannot hear: negation, numbers, weights, "a ... and a ..."; the same as
 * run/wording.py. What a negation governs goes into the negative prompt; the rest is told in a note.
 *
 * @typedef {{ prompt: string, negative: string, moved: [string, string][], notes: string[] }} Wording prompt: what is
 *   to be seen; negative: what to steer away from; moved: each negation, the part of the prompt and what it governs
 */
import { LONGEST, counts } from "./words.js";

const WORD = String.raw`[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*`;
const TOKEN = new RegExp(String.raw`${WORD}|[^\p{L}\p{N}_\s]`, "gu");
const WHOLE = new RegExp(`^${WORD}$`, "u");
/** As other tools write emphasis: (red:1.3). */
const WEIGHT = /\(\s*([^():]*[^():\s])\s*:\s*\d*\.?\d+\s*\)/g;

const set = (/** @type {string} */ words) => new Set(words.split(" "));
const NEGATORS = set("no not without never cannot neither minus lacking");
/** Other ways to write "without". */
const WITHOUT = /\bw\/o\b|\bfree of\b|\bdevoid of\b/gi;
const ARTICLES = set("a an the any some this that these those its his her their");
const PREPOSITIONS = set("in on at near by behind under over to into onto from of");
const HAVING = set(
  "with wearing wear wears having have has being be is are was show showing shows do does did can",
);
const JOINTS = set("or nor");
/** Words that only led to the negation, and go with it: "a dog (with) no hat". */
const BEFORE = new Set([...HAVING, ...PREPOSITIONS, ...set("and but that who which ,")]);
/** Words that lead to what a negation governs. */
const LEADING = new Set([...ARTICLES, ...PREPOSITIONS, ...HAVING]);
const FUNCTION = new Set([...LEADING, ...JOINTS, ...NEGATORS, ...set("and but then while it who")]);
const ADJECTIVES = set(
  "red orange yellow green blue purple brown white black grey gray pink gold golden dark bright" +
    " crimson scarlet azure navy cyan turquoise violet magenta lilac lime emerald tan amber ivory" +
    " small big little tiny large huge giant tall short happy sad angry smiling cheerful old young new",
);
/** What may stand after "and a" beside a subject, being none. */
const NOT_SUBJECTS = set(
  "hat hats scarf cap beanie helmet shawl muffler tie coat tree rock stone camera smile tail sky sun moon",
);
const PAIR = new RegExp(
  String.raw`[\p{L}\p{N}_][^\p{L}\p{N}_]+(and (?:an?|another|one) (?:(?:${[...ADJECTIVES].join("|")}) )*(${WORD}))`,
  "gu",
);

/**
 * Take apart what a prompt says there should not be from what it says there should.
 * @param {string} typed @param {import("./words.js").Lexicon} lexicon a word that it knows is left to it
 * @returns {Wording}
 */
export function readWording(typed, lexicon) {
  const text = typed.slice(0, LONGEST);
  const known = (/** @type {string} */ word) => !lexicon.read(word).unknown.length;
  const weights = [...text.matchAll(WEIGHT)].map(
    ([weight]) => `weights like "${weight}" are not understood: the words count, the number does not`,
  );
  const plain = text.replace(WEIGHT, "$1").replace(WITHOUT, "without");
  const { kept, moved } = negations(plain, known);
  const said = moved.map(
    ([part, governed]) => `"${part}" is read as: steer away from "${governed}" (the negative prompt)`,
  );
  const notes = [...weights, ...said, ...numbers(kept, known), ...pairs(kept)];
  return { prompt: kept, negative: moved.map(([, governed]) => governed).join(", "), moved, notes };
}

/** The prompt without its negations, and each with what it governs. */
function negations(/** @type {string} */ prompt, /** @type {(word: string) => boolean} */ known) {
  const tokens = [...prompt.matchAll(TOKEN)];
  const words = tokens.map(([token]) => token.toLowerCase().replaceAll("’", "'"));
  const end = (/** @type {number} */ i) => tokens[i].index + tokens[i][0].length;
  /** @type {[string, string][]} */
  const moved = [];
  let [kept, at, done] = ["", 0, 0]; // done: characters of the prompt that are dealt with
  while (at < words.length) {
    const negates = NEGATORS.has(words[at]) || words[at].endsWith("n't");
    const found = negates && !known(words[at]) ? governed(words, at + 1) : { parts: [], after: at };
    let { after } = found;
    if (!found.parts.length) {
      at++;
      continue;
    }
    let first = at;
    while (first && tokens[first - 1].index >= done && BEFORE.has(words[first - 1])) first--;
    kept += prompt.slice(done, tokens[first].index);
    done = end(after - 1);
    moved.push([prompt.slice(tokens[at].index, done), found.parts.join(", ")]);
    if (words[after] === "but") done = end(after++); // "not a dog but a cat"
    at = after;
  }
  if (!moved.length) return { kept: prompt, moved };
  const joined = (kept + prompt.slice(done)).split(/\s+/).filter(Boolean).join(" ");
  return { kept: joined.replace(/\s+([,.;])/g, "$1").replace(/^[ ,;:.&]+|[ ,;:.&]+$/g, ""), moved };
}

/** The noun phrases from a word on that a negation governs, without articles; and the word after them. */
function governed(/** @type {string[]} */ words, /** @type {number} */ at) {
  /** @type {string[][]} */
  const parts = [];
  let after = at;
  for (;;) {
    while (at < words.length && LEADING.has(words[at])) at++;
    /** @type {string[]} */
    const part = [];
    while (at < words.length && ADJECTIVES.has(words[at])) part.push(words[at++]);
    const noun = at < words.length && !FUNCTION.has(words[at]) && WHOLE.test(words[at]);
    // "not red, running": no noun follows.
    if (noun && !(part.length && words[at].endsWith("ing"))) part.push(words[at++]);
    if (!part.length) break;
    parts.push(part);
    after = at;
    if (words[at] === "," && JOINTS.has(words[at + 1])) at++;
    if (!JOINTS.has(words[at])) break;
    at++;
  }
  const [last] = parts.slice(-1);
  const noun = last ? last[last.length - 1] : "";
  // "no red or blue hat" is of hats, twice.
  const whole = parts.map((part) =>
    noun && !ADJECTIVES.has(noun) && ADJECTIVES.has(part[part.length - 1]) ? [...part, noun] : part,
  );
  return { parts: whole.map((part) => part.join(" ")), after };
}

/** A note on numbers above one. */
function numbers(/** @type {string} */ prompt, /** @type {(word: string) => boolean} */ known) {
  const words = [...prompt.toLowerCase().matchAll(new RegExp(WORD, "gu"))].map(([word]) => word);
  const strange = [...new Set(words.filter(counts))].filter((word) => !known(word));
  const said = strange.map((word) => `"${word}"`).join(", ");
  return strange.length ? [`the model cannot count: ${said} is left out, and it shows one`] : [];
}

/** A note on each second subject that "and" brings. */
function pairs(/** @type {string} */ prompt) {
  return [...prompt.toLowerCase().matchAll(PAIR)]
    .filter(([, , noun]) => !NOT_SUBJECTS.has(noun))
    .map(
      ([, said]) =>
        `"${said}": the model was not taught two subjects with "and", and may mix them or leave one out; ` +
        'say what they do, as in "a dog chasing a cat" or "next to a cat"',
    );
}
