/**
 * The events of a history, and their form on disk: JSON lines, one event a line.
 *
 *     {"process":0,"type":"invoke","op":"set","key":"x","value":1,"time":1000}
 *     {"process":0,"type":"ok","op":"set","key":"x","time":2000}
 *
 * `ok`: it took effect. `fail`: it surely had none; a cas that compared and did not match fails
 * with the error `precondition`. `info`, or no completion: it may take effect at any later time,
 * or never.
 */
import { RaftError } from '../errors.js';
import { formatJson, type Json, parseJson } from './json.js';

export const eventTypes = ['invoke', 'ok', 'fail', 'info'] as const;
export type EventType = (typeof eventTypes)[number];

export const operationNames = ['get', 'set', 'cas', 'delete'] as const;
export type OperationName = (typeof operationNames)[number];

/** Whole nanoseconds; their zero means nothing. A `bigint` where a number is not exact. */
export type Nanoseconds = number | bigint;

/** How a cas fails that compared and did not match. */
export const precondition = 'precondition';

/** One line of a history. */
export interface HistoryEvent {
  /** Who acts: it has at most one open operation. A safe integer. */
  readonly process: number;
  readonly type: EventType;
  readonly op: OperationName;
  readonly key: string;
  /** Of the invocation of set (not null) and cas, and of the ok of get (null = absent). */
  readonly value?: Json;
  /** Of the invocation of cas; null = absent. */
  readonly expected?: Json;
  /** Why it ended in fail or info. */
  readonly error?: string;
  readonly time: Nanoseconds;
}

/**
 * Reads one line. `line` is its number from 1, for the error.
 *
 * Throws `RAFT_INVALID_HISTORY`. Fields that are not of the format are passed over.
 */
export function parseEvent(text: string, line: number): HistoryEvent {
  return checkedEvent(parseLine(text, line), line);
}

/**
 * An event that has what one of its kind needs; whoever wrote it may not have had these types.
 * `line` is its number from 1, for the error. Throws `RAFT_INVALID_HISTORY`.
 */
export function checkedEvent(event: Json, line: number): HistoryEvent {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw invalidHistory(line, `is ${shown(event)}; expected an object`);
  }
  const fields = event as { readonly [name: string]: Json };
  const { process, type, op, key, time, error } = fields;
  if (!Number.isSafeInteger(process)) {
    throw wrong(line, 'process', process, 'an integer from -(2^53 - 1) to 2^53 - 1');
  }
  if (!isOneOf(eventTypes, type)) throw wrong(line, 'type', type, eventTypes.join(', '));
  if (!isOneOf(operationNames, op)) throw wrong(line, 'op', op, operationNames.join(', '));
  if (typeof key !== 'string') throw wrong(line, 'key', key, 'a string');
  if (!Number.isInteger(time) && typeof time !== 'bigint') {
    throw wrong(line, 'time', time, 'an integer of nanoseconds');
  }
  if (error !== undefined && error !== null && typeof error !== 'string') {
    throw wrong(line, 'error', error, 'a string');
  }
  checkValues(fields, line);
  return fields as unknown as HistoryEvent;
}

/** One event as its line, without the newline. */
export function formatEvent(event: HistoryEvent): string {
  return formatJson(event as unknown as Json);
}

/** The error for a history that cannot be read; `line` counts from 1. */
export function invalidHistory(line: number, problem: string): RaftError {
  return new RaftError('RAFT_INVALID_HISTORY', `line ${line} ${problem}`, { details: { line } });
}

/** A value as it may stand in a message. */
export function shown(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  const text = formatJson(value);
  return text.length <= shownMax ? text : `${text.slice(0, shownMax - 1)}…`;
}

const shownMax = 60;

function parseLine(text: string, line: number): Json {
  try {
    return parseLargeTime(text) ?? parseJson(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalidHistory(line, `cannot be read as JSON: ${why}`);
  }
}

const largeTime = /"time":\s?(-?\d{16,})(?=[,}])/;

/**
 * Nanoseconds since 1970 are in every line of many a history, and nothing else in it is as large:
 * such a line is read at once. `undefined` for any other.
 */
function parseLargeTime(text: string): Json | undefined {
  const found = largeTime.exec(text);
  if (found === null || text.indexOf('"time"') !== text.lastIndexOf('"time"')) return undefined;
  const rest = `${text.slice(0, found.index)}"time":0${text.slice(found.index + found[0].length)}`;
  if (/\d{16}|\d[eE]/.test(rest)) return undefined;
  const event = JSON.parse(rest) as { time?: Json };
  // Another field inside of a value may be called like this.
  if (event.time !== 0) return undefined;
  event.time = BigInt(found[1] as string);
  return event as Json;
}

/** The values that an operation cannot be understood without. */
function checkValues(fields: { readonly [name: string]: Json }, line: number): void {
  const { type, op, value, expected } = fields;
  if (type === 'invoke') {
    if ((op === 'set' || op === 'cas') && value === undefined) {
      throw wrong(line, `value of a ${op}`, value, 'a value');
    }
    if (op === 'set' && value === null) {
      throw wrong(line, 'value of a set', value, 'one that is not null: null means absent');
    }
    if (op === 'cas' && expected === undefined) {
      throw wrong(line, 'expected of a cas', expected, 'a value, or null for absent');
    }
  } else if (type === 'ok') {
    if (op === 'get' && value === undefined) {
      throw wrong(line, 'value of a get', value, 'what was read, or null for absent');
    }
    if (op === 'delete' && value !== undefined && value !== null && typeof value !== 'boolean') {
      throw wrong(line, 'value of a delete', value, 'true or false: whether the key was there');
    }
  }
}

function wrong(line: number, field: string, found: Json | undefined, expected: string): RaftError {
  const what = found === undefined ? `has no ${field}` : `has ${field} ${shown(found)}`;
  return invalidHistory(line, `${what}; expected ${expected}`);
}

function isOneOf<T extends string>(list: readonly T[], word: unknown): word is T {
  return list.some((one) => one === word);
}
