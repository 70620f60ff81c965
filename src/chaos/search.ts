/**
 * The search for a linearization: Wing and Gong's, with Lowe's cache, as Porcupine has it.
 *
 * Operations are placed one after the other; where none can be placed, the last one is taken back.
 * A set of placed operations with the state that it led to is a configuration; one that was seen
 * before was a dead end, and is not entered again. What may be placed next is for the space to say.
 */
import type { Clock } from '../clock.js';

/** What is searched. Operations are numbers from 0; the required ones come first, by invocation. */
export interface SearchSpace {
  readonly count: number;
  /** The others may be left out. */
  readonly required: number;
  /** States are whole numbers from 0. */
  readonly initial: number;
  /** The operations to try next, best first. None: a dead end. */
  moves(state: number): readonly number[];
  /** The state after an operation; -1 if it cannot be there. */
  step(state: number, operation: number): number;
  /** An operation has been placed. */
  lift(operation: number): void;
  /** The operation that was placed last is taken back. */
  unlift(operation: number): void;
}

/** When a search gives up. */
export interface SearchLimits {
  readonly clock: Clock;
  /** On `clock`, in ms. */
  readonly deadlineMs: number;
  /** Configurations that are remembered, of about 100 bytes each. */
  readonly cacheMax: number;
  /** Operations that are placed, those that were taken back included. */
  readonly stepsMax: number;
}

export type Verdict = 'linearizable' | 'illegal' | 'unknown';

/** Why a verdict is unknown. */
export type Exhausted = 'time' | 'memory' | 'steps';

export interface SearchResult {
  readonly verdict: Verdict;
  readonly exhausted: Exhausted | undefined;
  /** The linearization, or the longest partial one that was found. */
  readonly order: Int32Array;
}

export function search(space: SearchSpace, limits: SearchLimits): SearchResult {
  return new Search(space, limits).run();
}

/** The clock is looked at this often. */
const stepsPerLook = 512;

class Search {
  readonly #space: SearchSpace;
  readonly #limits: SearchLimits;
  readonly #placed: PlacedSet;
  readonly #seen: Set<string> = new Set();
  // The stack, a column each: what was placed, the state after it, what may follow, what is next.
  readonly #order: number[] = [];
  readonly #states: number[] = [];
  readonly #moves: (readonly number[])[] = [];
  readonly #nexts: number[] = [];
  /** Levels of the stack that have something left to try. */
  #alternatives = 0;
  #requiredLeft: number;
  #leastLeft: number;
  #isBestOnStack = true;
  #best: Int32Array = new Int32Array(0);
  #steps = 0;

  constructor(space: SearchSpace, limits: SearchLimits) {
    this.#space = space;
    this.#limits = limits;
    this.#placed = new PlacedSet(space.count, space.required);
    this.#requiredLeft = space.required;
    this.#leastLeft = space.required;
  }

  run(): SearchResult {
    this.#enter(this.#space.initial);
    while (this.#requiredLeft > 0) {
      const exhausted = this.#exhausted();
      if (exhausted !== undefined) return this.#end('unknown', exhausted);
      if (!this.#advance() && !this.#retreat()) return this.#end('illegal');
    }
    return this.#end('linearizable');
  }

  /** Tries the next operation of the top of the stack; false if there is none left. */
  #advance(): boolean {
    const top = this.#states.length - 1;
    const moves = this.#moves[top] as readonly number[];
    const at = this.#nexts[top] as number;
    const operation = moves[at];
    if (operation === undefined) return false;
    this.#nexts[top] = at + 1;
    if (at === 0 && moves.length > 1) this.#alternatives += 1;
    if (at + 1 === moves.length && moves.length > 1) this.#alternatives -= 1;
    const state = this.#space.step(this.#states[top] as number, operation);
    if (state === -1) return true;
    this.#steps += 1;
    this.#placed.add(operation);
    if (this.#wasSeen(state)) {
      this.#placed.remove(operation);
      return true;
    }
    this.#order.push(operation);
    this.#space.lift(operation);
    if (operation < this.#space.required) this.#requiredLeft -= 1;
    if (this.#requiredLeft < this.#leastLeft) {
      this.#leastLeft = this.#requiredLeft;
      this.#isBestOnStack = true;
    }
    this.#enter(state);
    return true;
  }

  /** Takes the last operation back; false if there is none. */
  #retreat(): boolean {
    this.#keepBest();
    this.#states.pop();
    this.#moves.pop();
    this.#nexts.pop();
    const operation = this.#order.pop();
    if (operation === undefined) return false;
    this.#space.unlift(operation);
    this.#placed.remove(operation);
    if (operation < this.#space.required) this.#requiredLeft += 1;
    return true;
  }

  #enter(state: number): void {
    this.#states.push(state);
    this.#moves.push(this.#requiredLeft > 0 ? this.#space.moves(state) : []);
    this.#nexts.push(0);
  }

  /** While nothing else is left to try, no configuration can come up a second time. */
  #wasSeen(state: number): boolean {
    if (this.#alternatives === 0) return false;
    const key = this.#placed.keyWith(state);
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }

  #exhausted(): Exhausted | undefined {
    const { clock, deadlineMs, cacheMax, stepsMax } = this.#limits;
    if (this.#steps >= stepsMax) return 'steps';
    if (this.#seen.size >= cacheMax) return 'memory';
    const isDue = this.#steps % stepsPerLook === 0;
    return isDue && clock.nowMs() >= deadlineMs ? 'time' : undefined;
  }

  #keepBest(): void {
    if (this.#isBestOnStack) this.#best = Int32Array.from(this.#order);
    this.#isBestOnStack = false;
  }

  #end(verdict: Verdict, exhausted?: Exhausted): SearchResult {
    this.#keepBest();
    return { verdict, exhausted, order: this.#best };
  }
}

const full = 0xffffffff;

/** The operations that are placed, as bits: the required ones, then the others. */
class PlacedSet {
  readonly #words: Uint32Array;
  readonly #required: number;
  /** The first word of the others. */
  readonly #optionalWord: number;
  /** All words before it are full. */
  #low = 0;
  /** All words of required operations after it are empty. */
  #high = 0;

  constructor(count: number, required: number) {
    this.#required = required;
    this.#optionalWord = (required + 31) >> 5;
    this.#words = new Uint32Array(this.#optionalWord + ((count - required + 31) >> 5) + 1);
  }

  add(operation: number): void {
    const bit = this.#bitOf(operation);
    this.#words[bit >> 5] = (this.#words[bit >> 5] as number) | (1 << (bit & 31));
    if (operation < this.#required && bit >> 5 > this.#high) this.#high = bit >> 5;
  }

  remove(operation: number): void {
    const bit = this.#bitOf(operation);
    this.#words[bit >> 5] = (this.#words[bit >> 5] as number) & ~(1 << (bit & 31));
    if (operation < this.#required && bit >> 5 < this.#low) this.#low = bit >> 5;
  }

  /** A text that is the same for the same set and state. Its length depends on concurrency only. */
  keyWith(state: number): string {
    const words = this.#words;
    while (this.#low < this.#high && words[this.#low] === full) this.#low += 1;
    while (this.#high > this.#low && words[this.#high] === 0) this.#high -= 1;
    let key = pair(state) + pair(this.#low) + String.fromCharCode(this.#high - this.#low);
    for (let at = this.#low; at <= this.#high; at++) key += pair(words[at] as number);
    for (let at = this.#optionalWord; at < words.length; at++) {
      const word = words[at] as number;
      if (word !== 0) key += pair(at) + pair(word);
    }
    return key;
  }

  #bitOf(operation: number): number {
    const required = this.#required;
    return operation < required ? operation : this.#optionalWord * 32 + operation - required;
  }
}

function pair(word: number): string {
  return String.fromCharCode(word & 0xffff, word >>> 16);
}
