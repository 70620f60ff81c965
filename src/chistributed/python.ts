/**
 * The traces of Python in the texts of chistributed: how values print, how numbers are read, and
 * which of its exceptions a failing line reports. The tool is written in Python and scripts are
 * compared with its output letter by letter.
 */

/** A value as JSON carries it. `undefined` counts as null: it is how an absent value arrives. */
export type JsonValue =
  | null
  | undefined
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * A line that failed the way a Python exception fails a handler of the tool.
 *
 * `type` is the exception's class. A `ValueError` is reported in the short form.
 */
export class PythonError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.name = 'PythonError';
    this.type = type;
  }
}

/** The exception that the tool itself raises when it refuses. */
export function chistributedException(message: string): PythonError {
  return new PythonError('ChistributedException', message);
}

/** `str(value)`: strings raw, everything else as a literal. */
export function pythonText(value: JsonValue): string {
  return typeof value === 'string' ? value : pythonLiteral(value);
}

/** `repr(value)`. */
export function pythonLiteral(value: JsonValue): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'string') return stringLiteral(value);
  if (typeof value === 'number') return numberLiteral(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (isList(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  const fields = Object.entries(value).map(
    ([name, field]) => `${stringLiteral(name)}: ${pythonLiteral(field)}`,
  );
  return `{${fields.join(', ')}}`;
}

const floatSyntax =
  /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i;
const infinitySyntax = /^([+-]?)inf(?:inity)?$/i;

/** `float(text)`; `undefined` where Python raises a ValueError. */
export function pythonFloat(text: string): number | undefined {
  const trimmed = text.trim();
  if (floatSyntax.test(trimmed)) return Number(trimmed.replaceAll('_', ''));
  if (/^[+-]?nan$/i.test(trimmed)) return Number.NaN;
  const infinity = infinitySyntax.exec(trimmed);
  if (infinity === null) return undefined;
  return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function numberLiteral(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  // Python turns to the exponent form below 0.0001, and writes exponents with two digits.
  const text = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function stringLiteral(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let literal = quote;
  for (const character of text) {
    if (character === quote) literal += `\\${quote}`;
    else literal += escapes.get(character) ?? printable(character);
  }
  return literal + quote;
}

/** What Python holds to be unprintable: separators but the space, and all that has no shape. */
const unprintable = /[\p{C}\p{Z}]/u;

function printable(character: string): string {
  if (character === ' ' || !unprintable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
