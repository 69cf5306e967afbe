// @ts-check
/**
 * A prompt as phrases of known kinds, and words put into it where a caption would have them: "red" before the
 * noun that the caret is in, "in the snow" behind what is done, a new subject in the old one's place. What a
 * palette holds: ../../../run/palette.py. Knows nothing about pages.
 */

/**
 * @typedef {{ text: string, kind: string, label: string }} Chip
 * @typedef {{ groups: { name: string, words: Chip[] }[], order: string[], tails: Record<string, string>,
 *   phrases: Record<string, Record<string, string>>, leads: Record<string, string[]> }} Palette
 * @typedef {{ text: string, start: number, end: number }} Token
 * @typedef {{ kind: string, text: string, start: number, end: number, noun: number, next: number,
 *   colour: Part | null }} Part noun: where its noun begins, or -1; next: token behind it; colour: of that noun
 */

const WORD = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;
/** Words of a phrase at most. */
const LONGEST = 5;
const BEFORE_NOUN = ["size", "mood", "colour"];
const ARTICLES = ["a", "an", "the"];

/** The parts of a prompt that a palette knows, in order. @param {string} prompt @param {Palette} palette */
export function parts(prompt, palette) {
  const tokens = [...prompt.matchAll(WORD)].map((found) => {
    const start = /** @type {number} */ (found.index);
    return { text: found[0].toLowerCase(), start, end: start + found[0].length };
  });
  /** @type {Part[]} */
  const found = [];
  for (let at = 0; at < tokens.length;) {
    const hit = longest(prompt, tokens, at, palette, Object.keys(palette.phrases));
    if (!hit || hit.kind === "thing") {
      at += 1;
      continue;
    }
    const part = withTail(prompt, tokens, hit, palette);
    withLead(tokens, at, part, found, palette);
    found.push(part);
    at = part.next;
  }
  return found;
}

/** The longest phrase that begins at a token. */
function longest(prompt, tokens, at, palette, kinds) {
  for (let count = Math.min(LONGEST, tokens.length - at); count > 0; count--) {
    const { start } = tokens[at];
    const { end } = tokens[at + count - 1];
    const phrase = prompt.slice(start, end).toLowerCase().replace(/\s+/g, " ");
    for (const kind of kinds) {
      const text = Object.hasOwn(palette.phrases[kind], phrase) ? palette.phrases[kind][phrase] : null;
      const noun = kind === "subject" || kind === "garment" ? start : -1;
      if (text !== null) return { kind, text, start, end, noun, colour: null, next: at + count };
    }
  }
  return null;
}

/** "chasing" goes on to the noun that follows: "chasing a red ball". */
function withTail(prompt, tokens, part, palette) {
  const kind = palette.tails[part.text];
  if (!kind) return part;
  for (let at = part.next, colour = null; at < tokens.length;) {
    const hit = longest(prompt, tokens, at, palette, [kind, ...BEFORE_NOUN]);
    if (hit && hit.kind === kind)
      return {
        ...part,
        text: `${part.text} a ${hit.text}`,
        end: hit.end,
        noun: hit.start,
        colour,
        next: hit.next,
      };
    if (!hit && !ARTICLES.includes(tokens[at].text)) break;
    if (hit?.kind === "colour") colour = hit;
    at = hit ? hit.next : at + 1;
  }
  return part;
}

/** Words before a part that belong to it, "wearing a red" before "hat", become its own. */
function withLead(tokens, at, part, found, palette) {
  const leads = palette.leads[part.kind] ?? [];
  for (let i = at - 1; i >= 0; i--) {
    const last = found.at(-1);
    if (part.kind === "garment" && last && last.end === tokens[i].end && BEFORE_NOUN.includes(last.kind)) {
      found.pop();
      if (last.kind === "colour") part.colour = last;
    } else if (i < (last?.next ?? 0) || !leads.includes(tokens[i].text)) return;
    part.start = tokens[i].start;
  }
}

/** Which words of a palette a prompt holds. @param {string} prompt @param {Palette} palette */
export function held(prompt, palette) {
  const texts = new Set(prompt.toLowerCase().match(WORD));
  for (const part of parts(prompt, palette)) {
    texts.add(part.text);
    if (part.colour) texts.add(part.colour.text);
  }
  return texts;
}

/**
 * A prompt after a word of the palette was chosen: put in, in the place of one of its kind, or taken out again.
 * @param {string} prompt @param {number} caret @param {Palette} palette @param {Chip} chip
 * @returns {{ text: string, caret: number }}
 */
export function compose(prompt, caret, palette, chip) {
  const { kind, text } = chip;
  if (kind === "word") return plain(prompt, caret, text);
  const found = parts(prompt, palette);
  if (kind === "colour") {
    const noun = coloured(found, caret);
    if (noun) return colour(prompt, noun, text);
  }
  const same = found.find((part) => part.kind === kind);
  if (same?.text === text) return kind === "subject" ? { text: prompt, caret } : without(prompt, same);
  if (same) return replaced(prompt, same.start, same.end, text);
  return inserted(prompt, found, palette, chip);
}

/** A word of a vocabulary, at the caret. */
function plain(prompt, caret, text) {
  const there = [...prompt.matchAll(WORD)].find((found) => found[0].toLowerCase() === text);
  if (there) return without(prompt, { start: there.index, end: there.index + there[0].length });
  const [left, right] = [prompt.slice(0, caret).trimEnd(), prompt.slice(caret).trimStart()];
  const begun = left ? `${left} ${text}` : text;
  return { text: right ? `${begun} ${right}` : begun, caret: begun.length };
}

/** The noun that a colour is for: the one whose part the caret is in, else the subject. */
function coloured(found, caret) {
  const nouns = found.filter((part) => part.noun >= 0);
  const here = nouns.find((part) => part.kind !== "subject" && part.start <= caret && caret <= part.end);
  const part = here ?? nouns.find(({ kind }) => kind === "subject") ?? nouns[0];
  if (!part || part.kind !== "subject") return part && { noun: part.noun, colour: part.colour };
  const before = found.slice(0, found.indexOf(part)).reverse();
  const end = before.findIndex(({ kind }) => !BEFORE_NOUN.includes(kind));
  const near = end < 0 ? before : before.slice(0, end);
  return { noun: part.noun, colour: near.find(({ kind }) => kind === "colour") ?? null };
}

function colour(prompt, { noun, colour }, text) {
  if (!colour) {
    const made = replaced(prompt, noun, noun, `${text} `);
    return { text: made.text, caret: nounEnd(made.text, made.caret) };
  }
  if (colour.text === text) return without(prompt, colour);
  const made = replaced(prompt, colour.start, colour.end, text);
  return { text: made.text, caret: nounEnd(made.text, made.caret + 1) };
}

/** The end of the word that begins at or behind a place. */
function nounEnd(text, at) {
  const found = text.slice(at).match(/^\s*\S+/);
  return at + (found ? found[0].length : 0);
}

/** Put a phrase where nothing of its kind is. @param {Part[]} found */
function inserted(prompt, found, palette, { kind, text }) {
  if (!prompt.trim()) {
    const begun = kind === "subject" || BEFORE_NOUN.includes(kind) ? withArticle("a ", text) : text;
    return { text: begun, caret: begun.length };
  }
  if (kind === "camera") {
    const whole = `${prompt.replace(/[\s,]+$/, "")}, ${text}`;
    return { text: whole, caret: whole.length };
  }
  const rank = (part) => palette.order.indexOf(part.kind);
  const mine = palette.order.indexOf(kind);
  const [before, after] = [
    found.filter((part) => rank(part) < mine),
    found.filter((part) => rank(part) > mine),
  ];
  const subject = palette.order.indexOf("subject");
  if (mine <= subject) {
    const next = after.find((part) => rank(part) <= subject);
    if (next) return replaced(prompt, next.start, next.start, `${text} `);
    const last = before.at(-1);
    if (last) return replaced(prompt, last.end, last.end, ` ${text}`);
    const begun = withArticle("a ", text);
    return { text: `${begun} ${prompt.trimStart()}`, caret: begun.length };
  }
  const last = before.at(-1);
  if (last) return replaced(prompt, last.end, last.end, ` ${text}`);
  const at = after.length ? after[0].start : prompt.trimEnd().length;
  return after.length
    ? replaced(prompt, at, at, `${text} `)
    : replaced(prompt, at, prompt.length, ` ${text}`);
}

/** @param {string} prompt @param {number} start @param {number} end @param {string} text */
function replaced(prompt, start, end, text) {
  const left = withArticle(prompt.slice(0, start), text);
  return { text: left + prompt.slice(end), caret: left.length };
}

/** @param {string} prompt @param {{ start: number, end: number }} part */
function without(prompt, { start, end }) {
  let [left, right] = [prompt.slice(0, start).trimEnd(), prompt.slice(end).trimStart()];
  if (!right || right.startsWith(",")) left = left.replace(/[\s,]+$/, "");
  if (!left) right = right.replace(/^[\s,]+/, "");
  const gap = left && right && !/^[,.;]/.test(right) ? " " : "";
  return { text: withArticle(left + gap, right), caret: left.length };
}

/** What stands before a text, and the text, with "a" or "an" between as it must be. */
function withArticle(left, text) {
  const found = left.match(/(^|[^\p{L}])an?(\s+)$/iu);
  if (!found) return left + text;
  const kept = left.slice(0, left.length - found[0].length) + found[1];
  const capital = left[kept.length] === "A";
  const article = /^[aeiou]/i.test(text) ? "an" : "a";
  return kept + (capital ? article[0].toUpperCase() + article.slice(1) : article) + found[2] + text;
}
