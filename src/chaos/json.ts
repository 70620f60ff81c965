/**
 * JSON values of a history: read without loss, and compared by what they mean.
 *
 * `JSON.parse` rounds whole numbers above 2^53, which would make different values equal and times
 * in nanoseconds since 1970 wrong. Such numbers become a `bigint` here. What is too large for a
 * double and written with an exponent or a fraction would become infinite, and is refused.
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
/** An exponent of three digits or so many digits: fewer never make a number infinite. */
const mayBeInfinite = /\d[eE]\+?\d{3}|\d{300}/;
/** A colon, as it stands or as it may be escaped. */
const colons = /(?::|\\u003[aA])+/g;

/** Reads one JSON text. Throws a `SyntaxError` as `JSON.parse` does, and for infinite numbers. */
export function parseJson(text: string): Json {
  const plain = JSON.parse(text) as Json;
  if (mayBeInfinite.test(text)) refuseInfinite(text);
  if (!mayBeUnsafe.test(text)) return plain;
  // No string begins like this, whatever its escapes spell.
  const runs = text.match(colons) ?? [];
  const mark = ':'.repeat(1 + runs.reduce((longest, run) => Math.max(longest, run.length), 0));
  const marked = text.replace(stringOrNumber, (token) =>
    wholeNumber.test(token) && !Number.isSafeInteger(Number(token)) ? `"${mark}${token}"` : token,
  );
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  ) as Json;
}

function refuseInfinite(text: string): void {
  for (const [token] of text.matchAll(stringOrNumber)) {
    if (token.startsWith('"') || wholeNumber.test(token) || Number.isFinite(Number(token)))
      continue;
    const number = token.length > 40 ? `${token.slice(0, 40)}…` : token;
    throw new SyntaxError(`the number ${number} is too large`);
  }
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
