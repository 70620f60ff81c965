/**
 * Randomness that can be repeated.
 *
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it): 128 bits of
 * state and 32-bit arithmetic only, which is what JavaScript does fast. A seed is hashed to 64
 * bits, and those are spread over the state by a counter through the finaliser of MurmurHash3 (a
 * splitmix32).
 *
 * `fork` makes the streams of the parts of a run independent of each other: a child depends on the
 * seed of its parent and on its own label, never on how much was drawn. So a part that is added, or
 * that draws once more, changes nothing for the others. Not for secrets.
 */

/** A seeded generator of random numbers. */
export class Prng {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  // The hashed seed, kept for the children; drawing never changes it.
  readonly #keyHigh: number;
  readonly #keyLow: number;

  /**
   * `seed` is a safe integer or any string; the number 1 and the string '1' are different seeds.
   */
  constructor(seed: number | string) {
    const key = hash(seed, 0, 0);
    this.#keyHigh = key.high;
    this.#keyLow = key.low;
    this.#setState(
      spread(key.high, key.low, 1),
      spread(key.high, key.low, 2),
      spread(key.high, key.low, 3),
      spread(key.high, key.low, 4),
    );
  }

  /**
   * A generator in exactly this state of xoshiro128**, for comparing with other implementations.
   */
  static fromState(state: readonly [number, number, number, number]): Prng {
    const prng = new Prng(state.join(' '));
    prng.#setState(...state);
    return prng;
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A number from 0 (inclusive) to 1 (exclusive), of 53 random bits: two draws. */
  next(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /**
   * A whole number from `min` to `max`, both inclusive, each as likely as the other. Both are safe
   * integers, `min <= max`, at most 2^53 - 2 apart; anything else throws a `RangeError`.
   */
  int(min: number, max: number): number {
    const span = max - min + 1;
    const isValid = Number.isSafeInteger(min) && Number.isSafeInteger(max) && span >= 1;
    if (!isValid || !Number.isSafeInteger(span)) {
      throw new RangeError(`int(${min}, ${max}); expected safe integers, the smaller one first`);
    }
    if (span > 2 ** 32) return min + Math.floor(this.next() * span);
    // A plain remainder favours small results; what lies above the last full span is drawn again.
    const limit = 2 ** 32 - (2 ** 32 % span);
    let drawn = this.uint32();
    while (drawn >= limit) drawn = this.uint32();
    return min + (drawn % span);
  }

  /**
   * True with `probability` (0 to 1). It draws for 0 and 1 too, so that a stream keeps its step.
   */
  chance(probability: number): boolean {
    if (!(probability >= 0 && probability <= 1)) {
      throw new RangeError(`chance(${probability}); expected a probability from 0 to 1`);
    }
    return this.next() < probability;
  }

  /**
   * One element of `list`, each as likely as the other. Throws a `RangeError` for an empty list.
   */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('pick from an empty list');
    return list[this.int(0, list.length - 1)] as T;
  }

  /** A copy of `list` in random order, each order as likely as the other (Fisher and Yates). */
  shuffle<T>(list: readonly T[]): T[] {
    const shuffled = [...list];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = this.int(0, index);
      const element = shuffled[index] as T;
      shuffled[index] = shuffled[other] as T;
      shuffled[other] = element;
    }
    return shuffled;
  }

  /**
   * The stream of its own that belongs to `label` (a safe integer or any string). The same label
   * gives the same stream each time, however much was drawn in between.
   */
  fork(label: number | string): Prng {
    const key = hash(label, this.#keyHigh, this.#keyLow);
    // 53 bits, so that the seed of the child is a number that the constructor takes.
    return new Prng((key.high >>> 11) * 2 ** 32 + key.low);
  }

  #setState(a: number, b: number, c: number, d: number): void {
    // Zero is the one state that xoshiro never leaves.
    this.#a = (a | b | c | d) === 0 ? 1 : a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }
}

interface Key {
  readonly high: number;
  readonly low: number;
}

/** An odd number near 2^32 divided by the golden ratio: the step of the splitmix family. */
const step = 0x9e3779b9;

/** Hashes a label, starting from another hash. */
function hash(label: number | string, high: number, low: number): Key {
  if (typeof label === 'string') {
    let key = absorb(high, low, label.length);
    for (let at = 0; at < label.length; at++) key = absorb(key.high, key.low, label.charCodeAt(at));
    return key;
  }
  if (!Number.isSafeInteger(label)) {
    throw new RangeError(`a seed or label of ${label}; expected a safe integer or a string`);
  }
  // A number takes another first step than a string, so that 1 and '1' part ways.
  const key = absorb(mix(high ^ step), mix(low), Math.floor(label / 2 ** 32) | 0);
  return absorb(key.high, key.low, label | 0);
}

function absorb(high: number, low: number, word: number): Key {
  const nextHigh = mix(high ^ word);
  return { high: nextHigh, low: mix((low + word + step) ^ nextHigh) };
}

/** Word number `place` (from 1) of the state that a key expands to. */
function spread(high: number, low: number, place: number): number {
  return mix(mix(low + Math.imul(2 * place, step)) ^ (high + Math.imul(2 * place + 1, step)));
}

/** fmix32 of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
