/**
 * For how long does a large state keep the thread of its node busy at a time?
 *
 *     node dist/benchmarks/snapshot.js [--keys 1000000] [--value-bytes 100] [--rounds 3] [--json]
 *
 * Everything that a node does with its state in one go, as the longest of its kind: an entry of
 * 1,000 sets while the map grows, the beginning of a snapshot and each of its pieces, entries that
 * are applied between the pieces, each piece that a restore takes in, and its end. No disk is in
 * it. Of the rounds the one counts whose longest is the shortest: the others were disturbed.
 * Without arguments it runs for an instant, to show that it runs.
 */
import { parseArgs } from 'node:util';
import { BatchWriter } from '../src/store/batch-writer.js';
import { StoreStateMachine } from '../src/store/store-state-machine.js';
import { count, ms } from './figures.js';

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '20000' },
    'value-bytes': { type: 'string', default: '100' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const keys = Number(options.keys);
const value = 'v'.repeat(Number(options['value-bytes']) - 1);
const entrySets = 1_000;

const writer = new BatchWriter();
const memory = Buffer.from(new SharedArrayBuffer(2 ** 20));
const unstamped = { clientId: 0, firstSerial: 0, lowestSerial: 0, originActor: 0, requestId: 0 };
let index = 0;

/** Times of one kind of work, in ms. */
class Pauses {
  readonly #name: string;
  #longest = 0;
  #best = Number.POSITIVE_INFINITY;
  #sum = 0;
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  measure<T>(work: () => T): T {
    const start = performance.now();
    const result = work();
    const took = performance.now() - start;
    this.#longest = Math.max(this.#longest, took);
    this.#sum += took;
    this.#count += 1;
    return result;
  }

  endRound(): void {
    this.#best = Math.min(this.#best, this.#longest);
    this.#longest = 0;
  }

  /** A place in the report of all. */
  toJSON(): object {
    return { name: this.#name, longestMs: this.#best, meanMs: this.#mean, count: this.#count };
  }

  report(): void {
    const cells = [ms(this.#best), ms(this.#mean), ms(this.#sum), count(this.#count)];
    print(this.#name, cells);
  }

  get #mean(): number {
    return this.#sum / Math.max(1, this.#count);
  }
}

function print(name: string, cells: readonly string[]): void {
  const columns = cells.map((cell) => cell.padStart(11)).join('');
  process.stdout.write(`${name.padEnd(38)}${columns}\n`);
}

/** Applies one entry of sets of these keys. */
function write(machine: StoreStateMachine, keyOf: (at: number) => number): void {
  writer.reset(memory);
  for (let at = 0; at < entrySets; at += 1) writer.set(`key${keyOf(at)}`, value);
  index += 1;
  machine.apply({ bytes: memory, start: 0, end: writer.finish(unstamped) }, index);
}

const pauses = {
  growing: new Pauses('1,000 sets while the map grows'),
  begin: new Pauses('a snapshot begins'),
  piece: new Pauses('a piece of it'),
  between: new Pauses('1,000 sets between two pieces'),
  intake: new Pauses('a piece is taken in'),
  end: new Pauses('a restore ends'),
};

const ofRounds = Object.values(pauses).slice(1);

const machine = new StoreStateMachine();
for (let first = 0; first < keys; first += entrySets) {
  pauses.growing.measure(() => write(machine, (at) => first + at));
}
pauses.growing.endRound();
for (let round = 0; round < Number(options.rounds); round += 1) {
  snapshotAndRestore(round);
  for (const each of ofRounds) each.endRound();
}
if (options.json) {
  process.stdout.write(`${JSON.stringify({ keys, pauses: Object.values(pauses) })}\n`);
} else {
  print('', ['longest', 'mean', 'together', 'times']);
  for (const each of Object.values(pauses)) each.report();
}

function snapshotAndRestore(round: number): void {
  const copy = new StoreStateMachine();
  const intake = copy.restore();
  const image = pauses.begin.measure(() => machine.snapshot());
  for (let turn = 0; ; turn += 1) {
    const piece = pauses.piece.measure(() => image.next());
    if (piece === undefined) break;
    pauses.intake.measure(() => intake.write(piece));
    // Keys in an order that no cache can guess, the same on each run.
    const keyOf = (at: number): number => (Math.imul(turn + at, 0x9e3779b1 + round) >>> 0) % keys;
    pauses.between.measure(() => write(machine, keyOf));
  }
  pauses.end.measure(() => intake.finish());
  if (copy.size !== machine.size) throw new Error(`${copy.size} keys came back`);
}
