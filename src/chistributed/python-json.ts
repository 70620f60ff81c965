/**
 * JSON as Python's `json.loads` reads it, for `send_msg`: `NaN` and `Infinity` are numbers, and
 * the error texts are Python's own, since a script's output shows them.
 */
import { type JsonValue, PythonError } from './python.js';

/** Lists and objects nest this deep at most; Python gives up at about the same depth. */
const depthMax = 900;

/** Reads one JSON value that fills the whole text. Throws a ValueError or a RecursionError. */
export function parsePythonJson(text: string): JsonValue {
  return new JsonReader(text).whole();
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const constant = /true|false|null|NaN|-?Infinity/y;
const space = /[ \t\n\r]*/y;
// Python wants a character after the digits before it believes in them.
const hexDigits = /[0-9a-fA-F]{4}(?!$)/y;

const constants: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): JsonValue {
    this.#match(space);
    const value = this.#value();
    this.#match(space);
    if (this.#at < this.#text.length) throw this.#error('Extra data');
    return value;
  }

  #value(): JsonValue {
    const next = this.#text[this.#at];
    if (next === '"') return this.#string();
    if (next === '{') return this.#nested(() => this.#object());
    if (next === '[') return this.#nested(() => this.#list());
    const word = this.#match(constant);
    if (word !== undefined) return constants.get(word);
    const digits = this.#match(number);
    if (digits === undefined) throw this.#error('Expecting value');
    return Number(digits);
  }

  #nested(read: () => JsonValue): JsonValue {
    if (this.#depth === depthMax) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded');
    }
    this.#depth += 1;
    this.#at += 1;
    this.#match(space);
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #list(): JsonValue {
    const items: JsonValue[] = [];
    if (this.#skip(']')) return items;
    for (;;) {
      items.push(this.#value());
      this.#match(space);
      if (this.#skip(']')) return items;
      this.#expect(',', "Expecting ',' delimiter");
    }
  }

  #object(): JsonValue {
    const fields: [string, JsonValue][] = [];
    if (this.#skip('}')) return {};
    for (;;) {
      if (this.#text[this.#at] !== '"') {
        throw this.#error('Expecting property name enclosed in double quotes');
      }
      const name = this.#string();
      this.#match(space);
      this.#expect(':', "Expecting ':' delimiter");
      fields.push([name, this.#value()]);
      this.#match(space);
      if (this.#skip('}')) return Object.fromEntries(fields);
      this.#expect(',', "Expecting ',' delimiter");
    }
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    for (;;) {
      const next = this.#text[this.#at];
      if (next === undefined) throw this.#error('Unterminated string starting at', start);
      if (next < ' ') throw this.#error('Invalid control character at');
      if (next === '\\') this.#escape(start);
      else this.#at += 1;
      if (next === '"') break;
    }
    const text: unknown = JSON.parse(this.#text.slice(start, this.#at));
    return String(text);
  }

  #escape(start: number): void {
    const escaped = this.#text[this.#at + 1];
    if (escaped === undefined) throw this.#error('Unterminated string starting at', start);
    if (escaped !== 'u') {
      if (!'"\\/bfnrt'.includes(escaped)) throw this.#error('Invalid \\escape');
      this.#at += 2;
      return;
    }
    hexDigits.lastIndex = this.#at + 2;
    if (!hexDigits.test(this.#text)) throw this.#error('Invalid \\uXXXX escape', this.#at + 1);
    this.#at += 6;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string, complaint: string): void {
    if (!this.#skip(character)) throw this.#error(complaint);
    this.#match(space);
  }

  #error(complaint: string, at: number = this.#at): PythonError {
    // Python counts characters, not UTF-16 units.
    const char = [...this.#text.slice(0, at)].length;
    return new PythonError('ValueError', `${complaint}: line 1 column ${char + 1} (char ${char})`);
  }
}
