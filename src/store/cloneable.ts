/**
 * Which values can be stored, and in which form.
 *
 * A value is stored if the structured clone takes it, and comes back as the structured clone would
 * have given it. MessagePack keeps that promise for trees of plain data only, so a value is looked
 * through first; what is more than plain data goes to the serializer of V8 (`structured.ts`).
 */
import {
  isAnyArrayBuffer,
  isDate,
  isMap,
  isNativeError,
  isProxy,
  isSet,
  isUint8Array,
} from 'node:util/types';
import { isWellFormed } from './text.js';

/** Deeper values are left to V8: msgpackr recurses, when it reads too, on who knows which stack. */
const plainDepthMax = 64;
/** How far the search for the part to blame goes down. */
const searchDepthMax = 32;

const int64Min = -(2n ** 63n);
const uint64Max = 2n ** 64n - 1n;
const tagOf = Object.prototype.toString;

/**
 * Whether `value` is a tree of null, undefined, booleans, numbers, 64-bit integers, well-formed
 * strings, dates, bytes, dense arrays and plain objects: what MessagePack gives back unchanged.
 *
 * Not plain, though MessagePack would take it and give back something else: -0, a reference seen
 * twice, a sparse array or one with names, an object with a prototype of its own, the key
 * `__proto__`, and proxies, which the structured clone refuses. Nor is what is very deep.
 */
export function isPlain(value: unknown): boolean {
  return isPlainPart(value, undefined, plainDepthMax);
}

function isPlainPart(value: unknown, seen: Set<object> | undefined, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value);
    case 'number':
      return !Object.is(value, -0);
    case 'bigint':
      return value >= int64Min && value <= uint64Max;
    case 'boolean':
    case 'undefined':
      return true;
    case 'object':
      return value === null || isPlainObject(value, seen ?? new Set(), depth);
    default:
      return false;
  }
}

function isPlainObject(value: object, seen: Set<object>, depth: number): boolean {
  if (depth === 0 || seen.has(value) || isProxy(value)) return false;
  seen.add(value);
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype:
      return tagOf.call(value) === '[object Object]' && hasPlainNames(value, seen, depth);
    case Array.prototype:
      return Array.isArray(value) && hasPlainElements(value, seen, depth);
    case Date.prototype:
      return isDate(value);
    case Uint8Array.prototype:
    case Buffer.prototype:
      return isUint8Array(value) && value.byteLength > 0;
    default:
      return false;
  }
}

function hasPlainNames(value: object, seen: Set<object>, depth: number): boolean {
  return Object.entries(value).every(
    ([key, child]) => isPlainKey(key) && isPlainPart(child, seen, depth - 1),
  );
}

/** As many names as elements and none missing: no hole, and nothing beside the elements. */
function hasPlainElements(value: unknown[], seen: Set<object>, depth: number): boolean {
  if (Object.keys(value).length !== value.length) return false;
  for (let i = 0; i < value.length; i++) {
    if (!Object.hasOwn(value, i) || !isPlainPart(value[i], seen, depth - 1)) return false;
  }
  return true;
}

function isPlainKey(key: string): boolean {
  return key !== '__proto__' && isWellFormed(key);
}

/**
 * Whether a part of `value` stands below more than `levelsMax` others, on the way by which the
 * structured clone comes to it first. Uses no stack of its own, however deep the value is.
 */
export function isDeeperThan(value: unknown, levelsMax: number): boolean {
  const seen = new Set<object>();
  const parts: unknown[] = [value];
  const levels: number[] = [1];
  while (parts.length > 0) {
    const part = parts.pop();
    const level = levels.pop() ?? 0;
    if (typeof part !== 'object' || part === null || seen.has(part)) continue;
    if (level > levelsMax) return true;
    seen.add(part);
    // What was added last is looked at first.
    for (const child of partsOf(part).reverse()) {
      parts.push(child);
      levels.push(level + 1);
    }
  }
  return false;
}

/** What the structured clone goes into, in its order. */
function partsOf(value: object): unknown[] {
  if (isProxy(value) || ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) return [];
  if (isMap(value)) return [...value].flat();
  if (isSet(value)) return [...value];
  if (isNativeError(value)) return [read(value, 'cause')];
  return Object.keys(value).map((key) => read(value, key));
}

/**
 * Where in `value` the first part stands that `refuses` gives an error for, as in
 * `value.users[3].greet`. Called once a value was refused: costs several times its encoding.
 */
export function findRefused(value: unknown, refuses: (part: unknown) => boolean): string {
  let part = value;
  let path = 'value';
  for (let depth = 0; depth < searchDepthMax; depth++) {
    const found = children(part).find(([, child]) => refuses(child));
    if (found === undefined) break;
    path += found[0];
    part = found[1];
  }
  return path;
}

function children(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || isProxy(value)) return [];
  if (value instanceof Map) {
    return [...value].flatMap(([key, child]) => [
      ['.keys()', key],
      [`.get(${label(key)})`, child],
    ]);
  }
  if (value instanceof Set) return [...value].map((child) => ['.values()', child]);
  return Object.keys(value).map((key) => {
    const isName = /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key);
    const step = isName ? `.${key}` : Array.isArray(value) ? `[${key}]` : `[${label(key)}]`;
    return [step, read(value, key)];
  });
}

/** A getter that throws is found as a part that nobody can clone. */
function read(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return () => {};
  }
}

function label(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : String(key);
}
