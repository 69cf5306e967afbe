// @ts-check
/**
 * A prompt as a model reads it: x2vkit/words.py and core/lexicon.py in the browser, from the same table.
 *
 * @typedef {{ word: string, read: string[] | null, near: string[] }} Span a part of the prompt as it was written,
 *   the model's words for it (null: it does not know it), and what it knows that is near
 * @typedef {{ words: string[], synonyms: Record<string, string | null>, max_words: number, longest: number }}
 *   Table what web/export.py writes
 * @typedef {{ ids: number[], words: string[], unknown: string[], dropped: string[], spans: Span[] }} Reading
 */

const [START, PAD] = ["<start>", "<pad>"];
/** Characters of a prompt that are read; what comes after is cut off, and said to be. */
export const LONGEST = 2000;
const NEAR = 3;

const NUMBERS = new Set(
  (
    "two three four five six seven eight nine ten eleven twelve twenty hundred several many few both couple dozen " +
    "dozens pair hundreds thousands"
  ).split(" "),
);

/** Whether a word is a number above one. @param {string} word */
export function counts(word) {
  return NUMBERS.has(word) || (/^\p{Nd}+$/u.test(word) && !/^[0]*[01]$/.test(word));
}

/** Where a text is cut into words. @param {string} text */
export function splitWords(text) {
  const clean = text.toLowerCase().normalize("NFC").replaceAll("\u2019", "'");
  /** @type {string[]} */
  const words = [];
  let [run, before] = ["", ""];
  const end = () => {
    if (before === "ideograph") words.push(...run);
    else if (before === "word") words.push(...aroundApostrophes(run));
    else if (before) words.push(run);
  };
  for (const character of clean) {
    const kind = kindOf(character);
    if (kind !== before) {
      end();
      [run, before] = ["", kind];
    }
    run += character;
  }
  end();
  return words;
}

/** @param {string} character */
function kindOf(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  const within = (...ranges) => ranges.some(([low, high]) => code >= low && code <= high);
  if (within([0x3400, 0x9fff], [0xf900, 0xfaff], [0x20000, 0x3ffff], [0x3005, 0x3005])) return "ideograph";
  if (within([0x3041, 0x309f])) return "hiragana";
  if (code !== 0x30fb && within([0x30a1, 0x30ff], [0x31f0, 0x31ff], [0xff66, 0xff9f])) return "katakana";
  return /[\p{L}\p{N}\p{M}'\u200d\u200c]/u.test(character) ? "word" : "";
}

/** A run of letters and apostrophes without those that quote. @param {string} run */
function aroundApostrophes(run) {
  const parts = run.split("''").map((part) => part.replace(/^['\u200d\u200c]+|['\u200d\u200c]+$/g, ""));
  return parts.filter((part) => /[\p{L}\p{N}]/u.test(part));
}

export class Lexicon {
  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    this.idOf = new Map(table.words.map((word, i) => [word, i]));
    this.synonyms = new Map(Object.entries(table.synonyms));
    /** An unknown word -> what the model knows that is near it in meaning. @type {Map<string, string[]>} */
    this.nearBy = new Map();
  }

  /** Take what web/export.py knows of unknown words. @param {Record<string, string>} rows */
  learn(rows) {
    for (const [targets, words] of Object.entries(rows))
      for (const word of words.split(" ")) this.nearBy.set(word, targets.split(","));
  }

  /** @param {string} prompt @returns {Reading} */
  read(prompt) {
    const spans = this.spans(prompt.slice(0, LONGEST));
    const known = spans.flatMap(({ read }) => read ?? []);
    const words = [START, ...known.slice(0, this.table.max_words)];
    return {
      ids: words.map((word) => this.idOf.get(word) ?? 0),
      words,
      unknown: spans.filter(({ read }) => !read).map(({ word }) => word),
      dropped: known.slice(this.table.max_words),
      spans,
    };
  }

  /** Whether it knows any word of a prompt. @param {string} prompt */
  knows(prompt) {
    return this.read(prompt).words.length > 1;
  }

  /** Each part of a prompt, the longest known phrase first. @param {string} prompt @returns {Span[]} */
  spans(prompt) {
    const tokens = splitWords(prompt);
    /** @type {Span[]} */
    const spans = [];
    for (let at = 0; at < tokens.length;) {
      let length = Math.min(this.table.longest, tokens.length - at);
      /** @type {string[] | null} */
      let read = null;
      for (; length > 0; length--) {
        read = this._known(tokens.slice(at, at + length).join(" "));
        if (read) break;
      }
      length = Math.max(1, length);
      const word = tokens.slice(at, at + length).join(" ");
      spans.push({ word, read, near: read ? [] : this.near(word) });
      at += length;
    }
    return spans;
  }

  /** What the model knows that is near an unknown word: in meaning, else a slip away. @param {string} word */
  near(word) {
    const stem = word.replace(/'?s$/, "");
    const meant = this.nearBy.get(word) ?? this.nearBy.get(stem);
    if (meant) return meant;
    if (word.length < 4 || counts(word)) return []; // nearly every short word is a slip away from another
    const known = [
      ...this.idOf.keys(),
      ...[...this.synonyms].filter(([, read]) => read !== null).map(([key]) => key),
    ];
    return known.filter((one) => slip(word, one)).slice(0, NEAR);
  }

  /** A phrase in the model's words, or null; a plural or possessive is read as its stem. @param {string} phrase */
  _known(phrase) {
    for (const ending of [/$/, /'s$/, /s$/, /es$/]) {
      const form = phrase.replace(ending, "");
      const meant = this.synonyms.get(form);
      if (meant === null) return null;
      if (this.idOf.has(form) && form !== START && form !== PAD) return [form];
      if (meant !== undefined)
        return this.idOf.has(meant) ? [meant] : meant.split(/\s+/).filter((word) => this.idOf.has(word));
    }
    return null;
  }
}

/** Whether two words differ by one letter that is wrong, missing, too many, or swapped. */
function slip(/** @type {string} */ one, /** @type {string} */ other) {
  if (Math.abs(one.length - other.length) > 1) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const [a, b] = [one.slice(at), other.slice(at)];
  const swapped = a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2);
  return swapped || a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1);
}
