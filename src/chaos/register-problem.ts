/**
 * The history of one key in numbers: what each operation needs, what it must not find, and what it
 * writes. This is all that a search looks at, and it goes to another thread at little cost.
 *
 *                            needs       avoids      writes
 *     get that read v        v
 *     set v                                          v
 *     cas from e to v        e                       v
 *     cas that did not match             e
 *     delete                                         absent
 *     delete that found one              absent      absent
 *     delete that found none absent
 */
import { never, type Positions, positionsOf } from './entry-list.js';
import { invalidHistory, precondition } from './event.js';
import { canonicalJson, type Json } from './json.js';
import type { Operation } from './operation.js';

/** The operations of one key that matter; columns are indexed by operation. */
export interface RegisterProblem extends Positions {
  /** The first ones have to be placed; the others, of unknown outcome, may be. */
  readonly required: number;
  /** Values are numbers below this; 0 is absent. */
  readonly values: number;
  /** `none` where there is nothing. */
  readonly needs: Int32Array;
  readonly avoids: Int32Array;
  readonly writes: Int32Array;
  /** Which operation of the history it is. */
  readonly sources: Int32Array;
}

export const none = -1;
export const absent = 0;

interface Act {
  readonly needs: number;
  readonly avoids: number;
  writes: number;
  readonly isRequired: boolean;
  readonly source: number;
}

/** Translates the operations of one key, which are in the order of their invocations. */
export function registerProblem(operations: readonly Operation[]): RegisterProblem {
  const values = new Values();
  const acts: Act[] = [];
  for (const [source, operation] of operations.entries()) {
    const act = values.numbering(operation, () => actOf(operation, source, values));
    if (act !== undefined) acts.push(act);
  }
  const required = acts.filter(({ isRequired }) => isRequired);
  const optional = usefulOf(
    acts.filter(({ isRequired }) => !isRequired),
    required,
  );
  const all = [...required, ...optional];
  joinUnseen(all, values.count);
  const column = (numberOf: (act: Act) => number): Int32Array => Int32Array.from(all, numberOf);
  const spans = all.map(({ source, isRequired }) => {
    const { invokedAt, completedAt } = operations[source] as Operation;
    return { invokedAt, returnedAt: isRequired ? completedAt : undefined };
  });
  return {
    ...positionsOf(spans),
    required: required.length,
    values: values.count + 1,
    needs: column(({ needs }) => needs),
    avoids: column(({ avoids }) => avoids),
    writes: column(({ writes }) => writes),
    sources: column(({ source }) => source),
  };
}

/**
 * The problem as it was known at a moment: what had returned by then is required, what was open
 * may have taken effect or not. A beginning of a linearizable history is linearizable.
 */
export function knownAt(problem: RegisterProblem, position: number): RegisterProblem {
  const { calls, returns, required, writes } = problem;
  const isKnown = (operation: number): boolean =>
    operation < required && (returns[operation] as number) <= position;
  const operations = Array.from(calls.keys());
  const known = operations.filter(isKnown);
  const open = operations
    .filter((operation) => !isKnown(operation) && writes[operation] !== none)
    .filter((operation) => (calls[operation] as number) < position)
    .sort((a, b) => (calls[a] as number) - (calls[b] as number));
  const all = [...known, ...open];
  const pick = (column: Int32Array): Int32Array =>
    Int32Array.from(all, (operation) => column[operation] as number);
  return {
    calls: pick(calls),
    returns: Int32Array.from(all, (operation) =>
      isKnown(operation) ? (returns[operation] as number) : never,
    ),
    required: known.length,
    values: problem.values,
    needs: pick(problem.needs),
    avoids: Int32Array.from(all, (operation) =>
      isKnown(operation) ? (problem.avoids[operation] as number) : none,
    ),
    writes: pick(writes),
    sources: pick(problem.sources),
  };
}

/** Values as numbers, by what they mean. */
class Values {
  readonly #numbers = new Map<string, number>([[canonicalJson(null), absent]]);

  readonly #simple = new Map<string | number, number>();

  get count(): number {
    return this.#numbers.size;
  }

  of(value: Json | undefined): number {
    if (value === undefined || value === null) return absent;
    // Most values are short texts and small numbers: those need no canonical form.
    if (typeof value !== 'string' && !Number.isSafeInteger(value)) return this.#numberOf(value);
    const known = this.#simple.get(value as string | number);
    if (known !== undefined) return known;
    const number = this.#numberOf(value);
    this.#simple.set(value as string | number, number);
    return number;
  }

  #numberOf(value: Json): number {
    const text = canonicalJson(value);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  numbering<T>({ line }: Operation, translate: () => T): T {
    try {
      return translate();
    } catch (error) {
      if (error instanceof RangeError) throw invalidHistory(line, 'has a value nested too deeply');
      throw error;
    }
  }
}

/** `undefined` for what neither says nor does anything. */
function actOf(operation: Operation, source: number, values: Values): Act | undefined {
  const { op, outcome, result, error } = operation;
  const act = (parts: Partial<Act>): Act => {
    const isRequired = outcome !== 'info';
    return { needs: none, avoids: none, writes: none, isRequired, source, ...parts };
  };
  if (outcome === 'fail') {
    if (op !== 'cas' || error !== precondition) return undefined;
    return act({ avoids: values.of(operation.expected) });
  }
  switch (op) {
    case 'get':
      return outcome === 'ok' ? act({ needs: values.of(result) }) : undefined;
    case 'set':
      return act({ writes: values.of(operation.value) });
    case 'cas': {
      const needs = values.of(operation.expected);
      const writes = values.of(operation.value);
      if (needs !== writes) return act({ needs, writes });
      return outcome === 'ok' ? act({ needs }) : undefined;
    }
    case 'delete':
      if (result === true) return act({ avoids: absent, writes: absent });
      return result === false ? act({ needs: absent }) : act({ writes: absent });
  }
}

/**
 * The operations of unknown outcome that may be needed to explain something: those that write what
 * some other one needs. A write that nobody saw can as well have had no effect, unless somebody
 * saw that a value was not there any more: then any write may explain it.
 */
function usefulOf(optional: readonly Act[], required: readonly Act[]): Act[] {
  if (required.some(({ avoids }) => avoids !== none)) return [...optional];
  const writers = new Map<number, Act[]>();
  for (const act of optional) {
    const known = writers.get(act.writes);
    if (known === undefined) writers.set(act.writes, [act]);
    else known.push(act);
  }
  const needed = new Set(required.map(({ needs }) => needs));
  const useful = new Set<Act>();
  // A set is walked to its end even while it grows.
  for (const value of needed) {
    for (const act of writers.get(value) ?? []) {
      useful.add(act);
      needed.add(act.needs);
    }
  }
  return optional.filter((act) => useful.has(act));
}

/** Values that nobody needs or avoids are all the same to everybody: they become one. */
function joinUnseen(acts: readonly Act[], unseen: number): void {
  const seen = new Set([absent, ...acts.map(({ needs }) => needs)]);
  for (const { avoids } of acts) seen.add(avoids);
  for (const act of acts) {
    if (act.writes !== none && !seen.has(act.writes)) act.writes = unseen;
  }
}
