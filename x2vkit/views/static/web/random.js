// @ts-check
/**
 * torch's normal numbers for a CPU, bit for bit: the Mersenne twister, and the Box-Muller transform in blocks of 16
 * as torch computes it on processors with AVX2 (Cephes' polynomials in single precision with fused multiply-add).
 *
 * `Math.fround(a * b + c)` is a fused multiply-add of float32 numbers: the product of two is exact in a double.
 */

const f = Math.fround;

/** MT19937 as torch seeds and reads it. */
class Twister {
  /** @param {number} seed whole, 0 to 2^53; as torch, only its low 32 bits count */
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed % 2 ** 32;
    for (let i = 1; i < 624; i++) {
      const last = this.state[i - 1];
      this.state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
    this.next = 624;
  }

  /** 32 random bits. */
  word() {
    if (this.next === 624) this._twist();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  _twist() {
    const { state } = this;
    for (let k = 0; k < 624; k++) {
      const y = (state[k] & 0x80000000) | (state[(k + 1) % 624] & 0x7fffffff);
      state[k] = state[(k + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}

/** A stream of normal numbers, as `torch.Generator("cpu").manual_seed(seed)` gives them to `torch.randn`. */
export class Generator {
  /** @param {number} seed */
  constructor(seed) {
    this.twister = new Twister(seed);
    /** The second number of a pair that the scalar path has left over. @type {number | null} */
    this.left = null;
  }

  /** The next `torch.randn(count, generator=...)`. @param {number} count @returns {Float32Array} */
  normal(count) {
    const out = new Float32Array(count);
    if (count < 16) {
      for (let i = 0; i < count; i++) out[i] = this._one();
      return out;
    }
    for (let i = 0; i < count; i++) out[i] = this._single();
    for (let start = 0; start + 16 <= count; start += 16) block(out, start);
    if (count % 16) {
      // The last 16 are drawn again, over what is there already.
      for (let i = count - 16; i < count; i++) out[i] = this._single();
      block(out, count - 16);
    }
    return out;
  }

  /** A uniform number of 24 bits. */
  _single() {
    return (this.twister.word() & 0xffffff) / 2 ** 24;
  }

  /** A uniform number of 53 bits; the first word is the high half. */
  _double() {
    const high = this.twister.word();
    return ((high & 0x1fffff) * 2 ** 32 + this.twister.word()) / 2 ** 53;
  }

  _one() {
    if (this.left !== null) {
      const value = this.left;
      this.left = null;
      return value;
    }
    const angle = 2 * Math.PI * this._double();
    const radius = Math.sqrt(-2 * Math.log1p(-this._double()));
    this.left = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

const TURN = f(2 * Math.PI);

/** 16 uniform numbers, replaced by 16 normal ones. @param {Float32Array} out @param {number} start */
function block(out, start) {
  for (let i = start; i < start + 8; i++) {
    const radius = f(Math.sqrt(f(-2 * log(f(1 - out[i])))));
    const [sin, cos] = sines(f(TURN * out[i + 8]));
    out[i] = f(radius * cos);
    out[i + 8] = f(radius * sin);
  }
}

const bits = new Int32Array(1);
const single = new Float32Array(bits.buffer);
const LOG = [
  -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
  -2.4999993993e-1, 3.3333331174e-1,
].map(f); // prettier-ignore
const HALF = f(0.70710678118654752);
const LN2 = [f(-2.1219444e-4), f(0.693359375)];

/** The natural logarithm, as Cephes' logf. @param {number} x float32 above 0 */
function log(x) {
  single[0] = x;
  let exponent = (bits[0] >> 23) - 126;
  bits[0] = (bits[0] & 0x7fffff) | 0x3f000000;
  let m = single[0];
  if (m < HALF) {
    exponent -= 1;
    m = f(f(m - 1) + m);
  } else m = f(m - 1);
  const z = f(m * m);
  let y = f(7.0376836292e-2);
  for (const c of LOG) y = f(y * m + c);
  y = f(f(y * m) * z + f(exponent * LN2[0]));
  y = f(z * -0.5 + y);
  return f(exponent * LN2[1] + f(m + y));
}

const QUARTER = [-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8].map(f);
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(f);
const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(f);
const EIGHTHS = f(1.27323954473516);

/** Sine and cosine, as Cephes' sinf and cosf. @param {number} x float32, 0 or more */
function sines(x) {
  const octant = (Math.trunc(f(x * EIGHTHS)) + 1) & ~1;
  for (const part of QUARTER) x = f(octant * part + x);
  const z = f(x * x);
  let [c, s] = [COS[0], SIN[0]];
  for (const k of COS.slice(1)) c = f(c * z + k);
  for (const k of SIN.slice(1)) s = f(s * z + k);
  c = f(f(f(c * z) * z + f(z * -0.5)) + 1);
  s = f(f(s * z) * x + x);
  const [sin, cos] = octant & 2 ? [c, s] : [s, c];
  return [octant & 4 ? -sin : sin, ~(octant - 2) & 4 ? -cos : cos];
}
