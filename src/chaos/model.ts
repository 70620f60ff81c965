/**
 * What a correct object does, as a record of pure functions: the user's own, or one of these.
 *
 * A model never sees times or processes. It says which state follows when an operation with this
 * input gives this output, and that is all a check of linearizability needs.
 */

import type { Nanoseconds, OperationName } from './event.js';
import { canonicalJson, type Json } from './json.js';

/** A sequential object. The functions are pure: states are never changed in place. */
export interface Model<State, Input, Output> {
  readonly name: string;
  readonly initial: State;
  /**
   * The state after an operation, or `undefined` if in this state it cannot have this output. An
   * output of `undefined` is unknown: then it is the state after the operation took effect.
   */
  readonly step: (state: State, input: Input, output: Output | undefined) => State | undefined;
  /** A text that states share exactly if they are equal. */
  readonly keyOf: (state: State) => string;
}

/** One call of an object, for `checkCalls`. */
export interface Call<Input, Output> {
  readonly input: Input;
  /** What it gave; `undefined` where the outcome is unknown. */
  readonly output?: Output;
  /** As in a history; a call that failed had no effect and is passed over. */
  readonly outcome: 'ok' | 'fail' | 'info';
  readonly invokedAt: Nanoseconds;
  /** Not needed of a call with the outcome info. */
  readonly completedAt?: Nanoseconds | undefined;
}

/** What is asked of a register: the operations of a history. */
export interface RegisterInput {
  readonly op: OperationName;
  readonly value?: Json;
  readonly expected?: Json;
}

/**
 * What a register gives: get the value (null = absent), delete whether there was one (or null: not
 * said), cas whether it matched, set anything.
 */
export type RegisterOutput = Json;

/** One key of the store: get, set, cas, delete; null = absent. */
export const registerModel: Model<Json, RegisterInput, RegisterOutput> = {
  name: 'register',
  initial: null,
  step: (state, { op, value = null, expected = null }, output) => {
    switch (op) {
      case 'get':
        return output === undefined || isEqual(state, output) ? state : undefined;
      case 'set':
        return value;
      case 'delete':
        return typeof output === 'boolean' && output !== (state !== null) ? undefined : null;
      case 'cas': {
        const isMatch = isEqual(state, expected);
        if (output === undefined) return isMatch ? value : state;
        if (output !== isMatch) return undefined;
        return isMatch ? value : state;
      }
    }
  },
  keyOf: canonicalJson,
};

/** What is asked of a compare-and-set register: it always has a value, 0 at first. */
export type CasInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: Json }
  | { readonly kind: 'cas'; readonly expected: Json; readonly value: Json };

/** read gives the value, cas whether it matched, write anything. */
export const casModel: Model<Json, CasInput, Json> = {
  name: 'cas',
  initial: 0,
  step: (state, input, output) => {
    switch (input.kind) {
      case 'read':
        return output === undefined || isEqual(state, output) ? state : undefined;
      case 'write':
        return input.value;
      case 'cas': {
        const isMatch = isEqual(state, input.expected);
        if (output !== undefined && output !== isMatch) return undefined;
        return isMatch ? input.value : state;
      }
    }
  },
  keyOf: canonicalJson,
};

/** What is asked of a list that only grows. */
export type AppendInput =
  | { readonly kind: 'append'; readonly value: Json }
  | { readonly kind: 'read' };

/** read gives the whole list, append anything. */
export const appendModel: Model<readonly Json[], AppendInput, Json> = {
  name: 'append',
  initial: [],
  step: (state, input, output) => {
    if (input.kind === 'append') return [...state, input.value];
    return output === undefined || isEqual(state, output) ? state : undefined;
  },
  keyOf: canonicalJson,
};

/** Accounts by name; an account that is not named has 0. */
export type Accounts = Readonly<Record<string, number>>;

/** What is asked of a bank. */
export type BankInput =
  | {
      readonly kind: 'transfer';
      readonly from: string;
      readonly to: string;
      readonly amount: number;
    }
  | { readonly kind: 'read' };

/**
 * A bank in which no account may fall below 0: transfer gives whether it was made, read all
 * accounts.
 */
export function bankModel(initial: Accounts): Model<Accounts, BankInput, boolean | Accounts> {
  return {
    name: 'bank',
    initial,
    step: (state, input, output) => {
      if (input.kind === 'read') {
        return output === undefined || isEqual(state, output) ? state : undefined;
      }
      const { from, to, amount } = input;
      const isCovered = (state[from] ?? 0) >= amount;
      if (output !== undefined && output !== isCovered) return undefined;
      if (!isCovered || from === to) return state;
      return { ...state, [from]: (state[from] ?? 0) - amount, [to]: (state[to] ?? 0) + amount };
    },
    keyOf: canonicalJson,
  };
}

function isEqual(a: Json, b: Json): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}
