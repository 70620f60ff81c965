/**
 * What may be placed next in the history of a register.
 *
 * Wing and Gong try every operation that need not wait for a return. A register allows better: some
 * moves are right if any is, so that nothing else has to be tried, and some are wrong for certain.
 * With them, histories in which every write has a value of its own take no search at all, however
 * many operations are concurrent (as Gibbons and Korach, "Testing shared memories", 1997).
 *
 * 1. An operation that only looks, and likes what it sees, goes first: it changes nothing.
 * 2. A value that is still needed, and that nobody will write again, must stay until it is used up.
 * 3. If nobody needs the value that is there, a write whose readers are all open goes first, and
 *    they follow: nobody else can tell. (Not while some operation needs a value to be gone.)
 * 4. Of operations that are alike, the one that returns first goes first.
 * 5. A write of unknown outcome is placed only right before one that cannot be without it.
 * 6. Of two such ways to a value, the one that is possible in fewer states is used first.
 * 7. Each cas away from a value takes one coming to it: if as many are left as will come, and one
 *    more, nothing else may take the value away; and if more are left, there is no way at all.
 */
import { EntryList, never } from './entry-list.js';
import { absent, none, type RegisterProblem } from './register-problem.js';
import type { SearchSpace } from './search.js';

/** Writes of unknown outcome that are alike: they are used in the order of their invocations. */
interface Kind {
  readonly needs: number;
  readonly writes: number;
  readonly operations: number[];
  used: number;
}

/** Where a search stands. */
interface Place {
  readonly value: number;
  /** The value was written by an operation of unknown outcome, for the next one to make use of. */
  readonly isFresh: boolean;
  readonly firstReturn: number;
}

/** A state is twice the value, and one more if the next operation has to make use of it. */
export class RegisterSpace implements SearchSpace {
  readonly count: number;
  readonly required: number;
  readonly initial: number = 2 * absent;
  readonly #problem: RegisterProblem;
  readonly #list: EntryList;
  /** By value: required operations left that need it, optional ones, and all that write it. */
  readonly #needing: Int32Array;
  readonly #optionalNeeding: Int32Array;
  readonly #writing: Int32Array;
  /** By value: required operations left that change it to another, less those that write it. */
  readonly #leaving: Int32Array;
  /** How many values have more operations leaving them than coming to them. */
  #crowded = 0;
  /** By value: open operations that only look and need it. Zero but for the time of a move. */
  readonly #looking: Int32Array;
  /** By value: required operations left that avoid it. Without those at 0. */
  readonly #avoided: Map<number, number> = new Map();
  readonly #kinds: (Kind | undefined)[];
  readonly #kindsByWrites: Map<number, Kind[]> = new Map();

  constructor(problem: RegisterProblem) {
    const { calls, required, values } = problem;
    this.#problem = problem;
    this.count = calls.length;
    this.required = required;
    this.#list = new EntryList(problem, required);
    this.#needing = new Int32Array(values);
    this.#optionalNeeding = new Int32Array(values);
    this.#writing = new Int32Array(values);
    this.#leaving = new Int32Array(values);
    this.#looking = new Int32Array(values);
    for (let operation = 0; operation < this.count; operation++) this.#tally(operation, 1);
    this.#kinds = kindsOf(problem);
    for (const kind of new Set(this.#kinds)) {
      if (kind === undefined) continue;
      const known = this.#kindsByWrites.get(kind.writes);
      if (known === undefined) this.#kindsByWrites.set(kind.writes, [kind]);
      else known.push(kind);
    }
  }

  step(state: number, operation: number): number {
    const written = this.#at('writes', operation);
    if (operation >= this.required) return 2 * written + 1;
    return 2 * (written === none ? state >> 1 : written);
  }

  lift(operation: number): void {
    this.#tally(operation, -1);
    const kind = this.#kinds[operation];
    if (kind === undefined) this.#list.lift(operation);
    else kind.used += 1;
  }

  unlift(operation: number): void {
    this.#tally(operation, 1);
    const kind = this.#kinds[operation];
    if (kind === undefined) this.#list.unlift(operation);
    else kind.used -= 1;
  }

  moves(state: number): readonly number[] {
    const value = state >> 1;
    if (this.#isCrowdedBut(value)) return [];
    const isFresh = (state & 1) === 1;
    const firstReturn = this.#list.gather();
    const { open } = this.#list;
    const looking = open.find(
      (operation) => this.#isLooking(operation) && this.#isEnabled(operation, value),
    );
    if (looking !== undefined) return [looking];
    if (this.#isLocked(value)) return this.#lastUses(value);
    const lookers = open.filter((operation) => this.#isLooking(operation));
    for (const operation of lookers) this.#look(operation, 1);
    const moves = this.#choices({ value, isFresh, firstReturn });
    for (const operation of lookers) this.#look(operation, -1);
    return moves;
  }

  /** What is left when no rule says what has to be next. */
  #choices(place: Place): readonly number[] {
    const { value, isFresh, firstReturn } = place;
    if (!isFresh && !this.#isAnyAvoided(value)) {
      const block = this.#wholeBlock(place);
      if (block !== undefined) return [block];
    }
    const writers = this.#list.open.filter((operation) => {
      if (this.#isLooking(operation) || !this.#isEnabled(operation, value)) return false;
      return !isFresh || this.#makesUse(operation, value);
    });
    const urgent = this.#list.operationAt(firstReturn);
    return [...this.#oneOfAKind(writers, this.#at('needs', urgent)), ...this.#explanations(place)];
  }

  /**
   * After these operations were placed, from the start: the required ones that may be next. The
   * first of them has to return before anything else can happen.
   */
  stuckAfter(order: Iterable<number>): number[] {
    const placed = [...order];
    for (const operation of placed) this.lift(operation);
    const firstReturn = this.#list.gather();
    const open = [...this.#list.open];
    for (const operation of placed.reverse()) this.unlift(operation);
    if (firstReturn === never) return [];
    const urgent = this.#list.operationAt(firstReturn);
    return [urgent, ...open.filter((operation) => operation !== urgent)];
  }

  #at(column: 'needs' | 'avoids' | 'writes', operation: number): number {
    return this.#problem[column][operation] as number;
  }

  #tally(operation: number, by: 1 | -1): void {
    const needs = this.#at('needs', operation);
    const writes = this.#at('writes', operation);
    const needing = operation < this.required ? this.#needing : this.#optionalNeeding;
    if (needs !== none) needing[needs] = (needing[needs] as number) + by;
    if (writes !== none) {
      this.#writing[writes] = (this.#writing[writes] as number) + by;
      const isLeaving = needs !== none && needs !== writes && operation < this.required;
      if (isLeaving) this.#leave(needs, by);
      if (needs !== writes) this.#leave(writes, by === 1 ? -1 : 1);
    }
    const avoids = this.#at('avoids', operation);
    if (avoids === none) return;
    const count = (this.#avoided.get(avoids) ?? 0) + by;
    if (count === 0) this.#avoided.delete(avoids);
    else this.#avoided.set(avoids, count);
  }

  #leave(value: number, by: 1 | -1): void {
    const before = this.#leaving[value] as number;
    this.#leaving[value] = before + by;
    if (before === 0 && by === 1) this.#crowded += 1;
    if (before === 1 && by === -1) this.#crowded -= 1;
  }

  /** Rule 7, for the value that is there: it has come once more. */
  #isCrowdedBut(value: number): boolean {
    if (this.#crowded === 0) return false;
    const isHere = this.#leaving[value] === 1;
    return this.#crowded > (isHere ? 1 : 0);
  }

  /** Whether some operation is left that minds a value which is there or can come back. */
  #isAnyAvoided(value: number): boolean {
    for (const avoided of this.#avoided.keys()) {
      if (avoided === value || (this.#writing[avoided] as number) > 0) return true;
    }
    return false;
  }

  #isLooking(operation: number): boolean {
    return this.#at('writes', operation) === none;
  }

  #isEnabled(operation: number, value: number): boolean {
    const needs = this.#at('needs', operation);
    return needs === none ? this.#at('avoids', operation) !== value : needs === value;
  }

  #makesUse(operation: number, value: number): boolean {
    return this.#at('needs', operation) === value || this.#at('avoids', operation) !== none;
  }

  /** Rule 2. */
  #isLocked(value: number): boolean {
    return (this.#needing[value] as number) > 0 && this.#writing[value] === 0;
  }

  /** The only operation that may take a locked value away is the last one that needs it. */
  #lastUses(value: number): readonly number[] {
    if (this.#needing[value] !== 1) return [];
    return this.#list.open.filter((operation) => this.#at('needs', operation) === value);
  }

  /** Rule 3. */
  #wholeBlock({ value, firstReturn }: Place): number | undefined {
    const { open } = this.#list;
    if (this.#optionalNeeding[value] !== 0) return undefined;
    const needing = this.#needing[value] as number;
    const found = open.find((operation) => {
      if (this.#isLooking(operation) || !this.#isEnabled(operation, value)) return false;
      const others = this.#at('needs', operation) === value ? needing - 1 : needing;
      return others === 0 && this.#isWhole(this.#at('writes', operation));
    });
    if (found !== undefined || needing > 0 || this.#kindsByWrites.size === 0) return found;
    for (const looker of open) {
      const wanted = this.#at('needs', looker);
      if (!this.#isLooking(looker) || wanted === none || !this.#isWhole(wanted)) continue;
      for (const kind of this.#kindsByWrites.get(wanted) ?? []) {
        const operation = kind.needs === none ? this.#firstOf(kind, firstReturn) : undefined;
        if (operation !== undefined) return operation;
      }
    }
    return undefined;
  }

  #look(operation: number, by: 1 | -1): void {
    const needs = this.#at('needs', operation);
    if (needs !== none) this.#looking[needs] = (this.#looking[needs] as number) + by;
  }

  #isWhole(value: number): boolean {
    return this.#needing[value] === this.#looking[value] && this.#optionalNeeding[value] === 0;
  }

  /** Rule 4; first those that give the operation that is urgent what it needs. */
  #oneOfAKind(operations: readonly number[], wanted: number): number[] {
    const first = new Map<string, { readonly operation: number; readonly returns: number }>();
    for (const operation of operations) {
      const returns = this.#deadlineOf(operation);
      const kind = this.#kindOf(operation);
      const known = first.get(kind);
      const isFirst =
        known === undefined ||
        returns < known.returns ||
        // Writes of one value share the readers, and then their own return decides.
        (returns === known.returns && this.#returnsBefore(operation, known.operation));
      if (isFirst) first.set(kind, { operation, returns });
    }
    const rank = ({ operation, returns }: { operation: number; returns: number }): number =>
      wanted !== none && this.#at('writes', operation) === wanted ? -1 : returns;
    return [...first.values()].sort((a, b) => rank(a) - rank(b)).map(({ operation }) => operation);
  }

  /**
   * Writes whose readers are all open differ in nothing but their deadlines, if nobody minds the
   * value: of two of them, the later one can always take the place of the earlier one.
   */
  #kindOf(operation: number): string {
    const needs = this.#at('needs', operation);
    const avoids = this.#at('avoids', operation);
    const writes = this.#at('writes', operation);
    const isAny = needs === none && avoids === none && this.#isWhole(writes);
    return isAny && !this.#avoided.has(writes) ? 'any' : `${needs} ${avoids} ${writes}`;
  }

  #returnsBefore(a: number, b: number): boolean {
    return (this.#problem.returns[a] as number) < (this.#problem.returns[b] as number);
  }

  /** The first return among an operation and those that look at what it writes. */
  #deadlineOf(operation: number): number {
    const { returns } = this.#problem;
    const writes = this.#at('writes', operation);
    let deadline = returns[operation] as number;
    if ((this.#looking[writes] as number) === 0) return deadline;
    for (const other of this.#list.open) {
      if (!this.#isLooking(other) || this.#at('needs', other) !== writes) continue;
      deadline = Math.min(deadline, returns[other] as number);
    }
    return deadline;
  }

  /** Rule 5: writes of unknown outcome that let an open operation happen that could not so far. */
  #explanations({ value, isFresh, firstReturn }: Place): number[] {
    if (this.#kindsByWrites.size === 0) return [];
    const found: number[] = [];
    // By wanted value: whether the way to it may begin with a set, which is possible in any state.
    const wanted = this.#wanted(value);
    for (const [other, mayBeSet] of wanted) {
      if (other === value) continue;
      const kinds = (this.#kindsByWrites.get(other) ?? []).filter(
        (kind) => this.#firstOf(kind, firstReturn) !== undefined,
      );
      const cas = kinds.find(({ needs }) => needs === value);
      const set = mayBeSet && !isFresh ? kinds.find(({ needs }) => needs === none) : undefined;
      const kind = cas ?? set;
      if (kind !== undefined) found.push(kind.operations[kind.used] as number);
      // Rule 6: what can be used here only is used up first.
      if (cas !== undefined) continue;
      for (const { needs } of kinds) {
        if (needs === none || wanted.get(needs) === true) continue;
        const isBetter = mayBeSet && set === undefined;
        if (isBetter) wanted.delete(needs);
        if (isBetter || !wanted.has(needs)) wanted.set(needs, isBetter);
      }
    }
    return [...new Set(found)];
  }

  /** What open operations need that cannot be placed yet. The map grows while it is walked. */
  #wanted(value: number): Map<number, boolean> {
    const wanted = new Map<number, boolean>();
    for (const operation of this.#list.open) {
      if (this.#isEnabled(operation, value)) continue;
      const needs = this.#at('needs', operation);
      if (needs !== none) wanted.set(needs, true);
      else for (const other of this.#kindsByWrites.keys()) wanted.set(other, true);
    }
    return wanted;
  }

  #firstOf({ operations, used }: Kind, firstReturn: number): number | undefined {
    const operation = operations[used];
    if (operation === undefined) return undefined;
    return (this.#problem.calls[operation] as number) < firstReturn ? operation : undefined;
  }
}

/** By operation; `undefined` for the required ones. */
function kindsOf({ calls, required, needs, writes }: RegisterProblem): (Kind | undefined)[] {
  const kinds = new Map<string, Kind>();
  return Array.from(calls, (_, operation) => {
    if (operation < required) return undefined;
    const [needed, written] = [needs[operation] as number, writes[operation] as number];
    const name = `${needed} ${written}`;
    const kind = kinds.get(name) ?? { needs: needed, writes: written, operations: [], used: 0 };
    kind.operations.push(operation);
    kinds.set(name, kind);
    return kind;
  });
}
