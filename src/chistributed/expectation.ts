/**
 * What a script should print: a file beside it, compared line by line, letter by letter.
 *
 * A file is a transcript as it stands, but for lines that begin with `%%`:
 *
 *     %% any order      the lines up to %% end come in any order, each as often as it is written
 *     %% either         one of several sequences comes: those that %% or divides, up to %% end
 *     %% line TEXT      the line TEXT, for one that itself begins with %%
 *
 * Sequences of `either` may hold further blocks; a block of any order holds lines only.
 */
import { RaftError } from '../errors.js';

type Item =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'any-order'; readonly lines: readonly string[] }
  | { readonly kind: 'either'; readonly alternatives: readonly (readonly Item[])[] };

/** Where a transcript departs from what was expected. */
export interface Departure {
  /** From 1. */
  readonly line: number;
  /** What could have stood there; empty where the transcript should have ended. */
  readonly expected: readonly string[];
  /** What stands there; `undefined` where the transcript has ended. */
  readonly found: string | undefined;
}

/** An expectation that was read. */
export class Expectation {
  readonly #items: readonly Item[];

  /**
   * Reads the text of a file. Throws `RAFT_INVALID_SCRIPT` with the number of the line for a
   * directive that is not one, and for a block that is not closed.
   */
  constructor(text: string, path: string = 'the expectation') {
    this.#items = new Reading(text.split('\n'), path).whole();
  }

  /** The first departure of a transcript, on the reading that gets furthest; none if it fits. */
  departure(transcript: string): Departure | undefined {
    const lines = transcript.split('\n');
    const furthest = new Furthest(lines);
    const ends = endsOf(this.#items, new Set([0]), furthest);
    if (ends.has(lines.length)) return undefined;
    for (const end of ends) furthest.note(end, undefined);
    return furthest.departure;
  }
}

class Furthest {
  readonly lines: readonly string[];
  #at = -1;
  #expected: string[] = [];

  constructor(lines: readonly string[]) {
    this.lines = lines;
  }

  /** A reading failed at this line; `undefined` wanted the end there. */
  note(at: number, expected: string | undefined): void {
    if (at < this.#at) return;
    if (at > this.#at) this.#expected = [];
    this.#at = at;
    if (expected !== undefined && !this.#expected.includes(expected)) this.#expected.push(expected);
  }

  get departure(): Departure {
    return { line: this.#at + 1, expected: this.#expected, found: this.lines[this.#at] };
  }
}

/** All places where these items can end that begin at one of `starts`. */
function endsOf(
  items: readonly Item[],
  starts: ReadonlySet<number>,
  furthest: Furthest,
): ReadonlySet<number> {
  let places = starts;
  for (const item of items) {
    const next = new Set<number>();
    for (const start of places) for (const end of endsOfOne(item, start, furthest)) next.add(end);
    places = next;
  }
  return places;
}

function endsOfOne(item: Item, start: number, furthest: Furthest): Iterable<number> {
  switch (item.kind) {
    case 'line':
      if (furthest.lines[start] === item.text) return [start + 1];
      furthest.note(start, item.text);
      return [];
    case 'either':
      return item.alternatives.flatMap((one) => [...endsOf(one, new Set([start]), furthest)]);
    case 'any-order': {
      const missing = [...item.lines];
      for (let at = start; missing.length > 0; at += 1) {
        const found = missing.indexOf(furthest.lines[at] ?? '');
        if (found === -1 || at >= furthest.lines.length) {
          for (const text of missing) furthest.note(at, text);
          return [];
        }
        missing.splice(found, 1);
      }
      return [start + item.lines.length];
    }
  }
}

class Reading {
  readonly #lines: readonly string[];
  readonly #path: string;
  #at = 0;

  constructor(lines: readonly string[], path: string) {
    this.#lines = lines;
    this.#path = path;
  }

  whole(): Item[] {
    const { items, closedBy } = this.#sequence();
    if (closedBy !== undefined) throw this.#invalid(`'%% ${closedBy}' closes no block`);
    return items;
  }

  /** Up to the directive that closes it, or the end of the file. */
  #sequence(): { items: Item[]; closedBy: 'or' | 'end' | undefined } {
    const items: Item[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const directive = directiveOf(line);
      if (directive === undefined) items.push({ kind: 'line', text: textOf(line) });
      else if (directive === 'or' || directive === 'end') return { items, closedBy: directive };
      else if (directive === 'either') items.push(this.#either());
      else if (directive === 'any order') items.push(this.#anyOrder());
      else throw this.#invalid(`'${line}' is no directive`);
    }
    return { items, closedBy: undefined };
  }

  #either(): Item {
    const opened = this.#at;
    const alternatives: Item[][] = [];
    for (;;) {
      const { items, closedBy } = this.#sequence();
      alternatives.push(items);
      if (closedBy === 'end') return { kind: 'either', alternatives };
      if (closedBy === undefined) throw this.#invalid("'%% either' is not closed", opened);
    }
  }

  #anyOrder(): Item {
    const opened = this.#at;
    const lines: string[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const directive = directiveOf(line);
      if (directive === 'end') return { kind: 'any-order', lines };
      if (directive !== undefined) throw this.#invalid('a block of any order holds lines only');
      lines.push(textOf(line));
    }
    throw this.#invalid("'%% any order' is not closed", opened);
  }

  #next(): string | undefined {
    const line = this.#lines[this.#at];
    this.#at += 1;
    return line;
  }

  #invalid(problem: string, line: number = this.#at): RaftError {
    return new RaftError('RAFT_INVALID_SCRIPT', `${this.#path}:${line}: ${problem}`);
  }
}

const literal = '%% line ';

/** What a line asks for; `undefined` for a line that stands for itself. */
function directiveOf(line: string): string | undefined {
  return line.startsWith('%%') && !line.startsWith(literal) ? line.slice(2).trim() : undefined;
}

function textOf(line: string): string {
  return line.startsWith(literal) ? line.slice(literal.length) : line;
}
