/**
 * JSON values of a history: read without loss, and compared by what they mean.
 *
 * `JSON.parse` rounds whole numbers above 2^53, which would make different values equal and times
 * in nanoseconds since 1970 wrong. Such numbers become a `bigint` here.
 */

/** Any JSON value; a whole number that a double cannot hold is a `bigint`. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** A whole number of 16 digits or more may be unsafe; fewer never are. */
const mayBeUnsafe = /\d{16}/;
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const wholeNumber = /^-?\d+$/;

/** Reads one JSON text. Throws a `SyntaxError` as `JSON.parse` does. */
export function parseJson(text: string): Json {
  const plain = JSON.parse(text) as Json;
  if (!mayBeUnsafe.test(text)) return plain;
  // No string of the text is as long, whatever its escapes spell.
  const mark = ':'.repeat(text.length);
  const marked = text.replace(stringOrNumber, (token) =>
    wholeNumber.test(token) && !Number.isSafeInteger(Number(token)) ? `"${mark}${token}"` : token,
  );
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  ) as Json;
}

/** Writes one JSON text on one line; the inverse of `parseJson`. */
export function formatJson(value: Json): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(formatJson).join(',')}]`;
  const fields = Object.keys(value).map(
    (name) => `${JSON.stringify(name)}:${formatJson(value[name] as Json)}`,
  );
  return `{${fields.join(',')}}`;
}

/**
 * A text that two values share exactly if they are equal: numbers by value (1 is 1.0, -0 is 0),
 * objects without regard to the order of their fields.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return canonicalNumber(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] as Json)}`);
  return `{${fields.join(',')}}`;
}

/** `1e300` and the same number written out in digits are equal. */
function canonicalNumber(value: null | boolean | number | bigint): string {
  const isLarge =
    typeof value === 'number' && Number.isInteger(value) && Math.abs(value) >= 2 ** 53;
  return String(isLarge ? BigInt(value) : value);
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
