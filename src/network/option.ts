/**
 * The options of the network, and how those of all its parts are checked: a wrong one is an error
 * with a code, its full name, what was found and what was expected, before anything has changed.
 */

import { RaftError } from '../errors.js';
import type { DropReason, Frame } from './link.js';

/** What a network is made of. */
export interface NetworkOptions<T = unknown> {
  /** Ids of the nodes, in their order. */
  readonly nodes: readonly string[];
  /** Ids of the clients. Default: none. */
  readonly clients?: readonly string[];
  /** Fixes every draw of every rule: a safe integer or any string. */
  readonly seed: number | string;
  /** Frames that may be delayed at once, on all links together. Default: 100,000. */
  readonly delayedFramesMax?: number;
  /** Their bytes. Default: 2^28. */
  readonly delayedBytesMax?: number;
  /** Frames that may be held at once, on all links together. Default: 100,000. */
  readonly heldFramesMax?: number;
  /** Their bytes. Default: 2^28. */
  readonly heldBytesMax?: number;
  /**
   * Called when rules, partitions, ends or discarded frames came or went, at the end of the verb,
   * and when a rule has reached its `limit`: other links are clean now, and other frames may be
   * due. Default: no call.
   */
  readonly onChange?: () => void;
  /**
   * Called for every frame that is dropped, and for every copy, at the moment when it is. It must
   * not call the network back. Default: no call.
   */
  readonly onDrop?: (frame: Frame<T>, isCopy: boolean, reason: DropReason) => void;
}

/** How much may wait in one place. */
export interface Bounds {
  readonly framesMax: number;
  readonly bytesMax: number;
}

/** What a network needs of its options, with every default filled in. */
export interface CheckedNetworkOptions {
  readonly seed: number | string;
  readonly bounds: { readonly delayed: Bounds; readonly held: Bounds };
}

/** What a number must be. */
export interface NumberRange {
  /** Inclusive. */
  readonly min: number;
  /** Inclusive. */
  readonly max: number;
  /** Default: false. */
  readonly isInteger?: boolean;
}

/** A rate: a probability for each frame. */
export const rateRange: NumberRange = { min: 0, max: 1 };

/** Checks the seed and the bounds of a network. Throws `RAFT_INVALID_OPTION`. */
export function checkNetworkOptions(
  options: Omit<NetworkOptions, 'onDrop'>,
): CheckedNetworkOptions {
  const range = { min: 0, max: Number.MAX_SAFE_INTEGER, isInteger: true };
  const bound = (name: BoundName, standard: number): number => {
    return checkNumber(`network.${name}`, options[name] ?? standard, range);
  };
  return {
    seed: checkSeed('network.seed', options.seed),
    bounds: {
      delayed: {
        framesMax: bound('delayedFramesMax', 100_000),
        bytesMax: bound('delayedBytesMax', 2 ** 28),
      },
      held: {
        framesMax: bound('heldFramesMax', 100_000),
        bytesMax: bound('heldBytesMax', 2 ** 28),
      },
    },
  };
}

type BoundName = 'delayedFramesMax' | 'delayedBytesMax' | 'heldFramesMax' | 'heldBytesMax';

/** Checks that `value` is an object with these names only: a misspelt option is not left out. */
export function checkNames(option: string, value: object, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw invalidOption(option, `is ${show(value)}; expected an object`);
  }
  const stranger = Object.keys(value).find((name) => !names.includes(name));
  if (stranger === undefined) return;
  throw invalidOption(`${option}.${stranger}`, `does not exist; expected ${names.join(', ')}`);
}

/** Returns `seed` if it can be one. Throws `RAFT_INVALID_OPTION`. */
export function checkSeed(option: string, seed: number | string): number | string {
  if (typeof seed === 'string' || Number.isSafeInteger(seed)) return seed;
  throw invalidOption(option, `is ${show(seed)}; expected a safe integer or a string`);
}

/** Returns `value` if it is a number in the range; throws `RAFT_INVALID_OPTION` otherwise. */
export function checkNumber(option: string, value: number, range: NumberRange): number {
  const isInteger = range.isInteger ?? false;
  const isInRange = value >= range.min && value <= range.max;
  if (typeof value === 'number' && isInRange && (!isInteger || Number.isInteger(value))) {
    return value;
  }
  const expected = `${isInteger ? 'a whole number' : 'a number'} from ${range.min} to ${range.max}`;
  throw invalidOption(option, `is ${show(value)}; expected ${expected}`);
}

/** The error for an option that cannot be used; `problem` follows the option's name. */
export function invalidOption(option: string, problem: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} ${problem}`, { details: { option } });
}

/**
 * The error for a `kind` that does not exist. It takes `never`, so a kind that was added to a union
 * fails to compile until it is handled.
 */
export function unknownKind(option: string, value: never): RaftError {
  const { kind } = value as { readonly kind: unknown };
  return invalidOption(`${option}.kind`, `is ${show(kind)}, which does not exist`);
}

/** The error for an id that the network, or a selector, does not know. */
export function unknownNode(id: string, known: Iterable<string>): RaftError {
  const list = [...known].join(', ') || 'none';
  return new RaftError('RAFT_UNKNOWN_NODE', `there is no '${id}'; there are: ${list}`, {
    details: { nodeId: id },
  });
}

/** A value as it may stand in a message: short, and the same for everything that prints alike. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
