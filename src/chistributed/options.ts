/**
 * The options of a command, as Python's optparse reads them: that is what scripts were written
 * against. `-nX`, `-n X`, `--long X`, `--long=X`, clusters of short ones, long names cut to an
 * unambiguous beginning, `--` as the end of options, free words anywhere.
 */
import { pythonFloat, pythonLiteral } from './python.js';
import { splitWords, withoutQuotes } from './words.js';

/** One option of a command. */
export interface OptionSpec {
  /** With its dash, `-n`. */
  readonly short?: string;
  /** With its dashes, `--node_id`. */
  readonly long: string;
  /** What follows it. A number is a Python float. */
  readonly takes: 'nothing' | 'text' | 'number';
}

/** What the arguments of one line came to. */
export interface ParsedOptions {
  /** By long name without the dashes; absent where the option was not given. */
  readonly texts: ReadonlyMap<string, string>;
  readonly numbers: ReadonlyMap<string, number>;
  readonly flags: ReadonlySet<string>;
  /** What belongs to no option, outer quotes removed. */
  readonly words: readonly string[];
  /** How often `-h` or `--help` was given; each prints the usage. */
  readonly helpAsked: number;
  /** The first thing wrong, if any: the command is not run. */
  readonly refused?: string;
}

const help: OptionSpec = { short: '-h', long: '--help', takes: 'nothing' };
const helpText = 'show this help message and exit';

/** Reads the argument text of a command. Throws the tool's ValueError for an unclosed quote. */
export function parseOptions(specs: readonly OptionSpec[], argumentText: string): ParsedOptions {
  const reading = new Reading([help, ...specs], splitWords(argumentText));
  try {
    reading.run();
  } catch (error) {
    if (error instanceof Refusal) return { ...reading.result(), refused: error.message };
    throw error;
  }
  return reading.result();
}

/** The usage text of a command, as the tool's `--help` prints it, in lines. */
export function usageLines(name: string, specs: readonly OptionSpec[]): string[] {
  const rows = [help, ...specs].map((spec): readonly [OptionSpec, string] => [spec, forms(spec)]);
  // The column follows the longest option, up to 24 places: only show_queue is narrower.
  const column = Math.min(24, Math.max(...rows.map(([, text]) => text.length)) + 4);
  const lines = [`Usage: ${name} [options] arg`, '', 'Options:'];
  for (const [spec, text] of rows) {
    if (text.length > column - 4) lines.push(`  ${text}`);
    else lines.push(`  ${text.padEnd(column - 2)}${spec === help ? helpText : ''}`);
  }
  return lines;
}

function forms(spec: OptionSpec): string {
  const metavar = longName(spec).toUpperCase();
  const short = spec.short ?? '';
  if (spec.takes === 'nothing') return short === '' ? spec.long : `${short}, ${spec.long}`;
  return `${short} ${metavar}, ${spec.long}=${metavar}`;
}

function longName(spec: OptionSpec): string {
  return spec.long.slice(2);
}

class Refusal extends Error {}

class Reading {
  readonly #specs: readonly OptionSpec[];
  /** What is still to be read, the next one last: arguments are put back in front at times. */
  readonly #rest: string[];
  readonly #texts: Map<string, string> = new Map();
  readonly #numbers: Map<string, number> = new Map();
  readonly #flags: Set<string> = new Set();
  readonly #words: string[] = [];
  #helpAsked = 0;

  constructor(specs: readonly OptionSpec[], words: readonly string[]) {
    this.#specs = specs;
    this.#rest = words.toReversed();
  }

  run(): void {
    for (let word = this.#rest.pop(); word !== undefined; word = this.#rest.pop()) {
      if (word === '--') {
        for (const free of this.#rest.toReversed()) this.#words.push(withoutQuotes(free));
        return;
      }
      if (word.startsWith('--')) this.#long(word);
      else if (word.startsWith('-') && word.length > 1) this.#shorts(word);
      else this.#words.push(withoutQuotes(word));
    }
  }

  result(): ParsedOptions {
    return {
      texts: this.#texts,
      numbers: this.#numbers,
      flags: this.#flags,
      words: this.#words,
      helpAsked: this.#helpAsked,
    };
  }

  #long(word: string): void {
    const equals = word.indexOf('=');
    const spec = this.#longSpec(equals === -1 ? word : word.slice(0, equals));
    if (equals !== -1) {
      if (spec.takes === 'nothing') throw new Refusal(`${spec.long} option does not take a value`);
      this.#rest.push(word.slice(equals + 1));
    }
    this.#take(spec, spec.long);
  }

  #longSpec(name: string): OptionSpec {
    const exact = this.#specs.find((spec) => spec.long === name);
    if (exact !== undefined) return exact;
    const candidates = this.#specs.filter((spec) => spec.long.startsWith(name));
    const [only, ...others] = candidates;
    if (only === undefined) throw new Refusal(`no such option: ${name}`);
    if (others.length === 0) return only;
    const names = candidates.map((spec) => spec.long).sort();
    throw new Refusal(`ambiguous option: ${name} (${names.join(', ')}?)`);
  }

  #shorts(cluster: string): void {
    for (let at = 1; at < cluster.length; at += 1) {
      const name = `-${cluster[at]}`;
      const spec = this.#specs.find(({ short }) => short === name);
      if (spec === undefined) throw new Refusal(`no such option: ${name}`);
      if (spec.takes === 'nothing') {
        this.#take(spec, name);
        continue;
      }
      if (at + 1 < cluster.length) this.#rest.push(cluster.slice(at + 1));
      this.#take(spec, name);
      return;
    }
  }

  /** `written` is the form of the option that error texts name. */
  #take(spec: OptionSpec, written: string): void {
    if (spec === help) {
      this.#helpAsked += 1;
      return;
    }
    const name = longName(spec);
    if (spec.takes === 'nothing') {
      this.#flags.add(name);
      return;
    }
    const value = this.#rest.pop();
    if (value === undefined) throw new Refusal(`${written} option requires 1 argument`);
    if (spec.takes === 'text') {
      this.#texts.set(name, withoutQuotes(value));
      return;
    }
    // Quotes are removed only after a number was read, so "5" in quotes is not one.
    const number = pythonFloat(value);
    if (number === undefined) {
      const shown = pythonLiteral(value);
      throw new Refusal(`option ${written}: invalid floating-point value: ${shown}`);
    }
    this.#numbers.set(name, number);
  }
}
