/**
 * The simplest storage that can be right, to compare the real ones with: arrays, and no limits.
 *
 * With it come random steps that keep the rules of `Storage` whatever state they meet, so that a
 * property can take any list of them.
 */

import fc from 'fast-check';
import type { Entry, HardState } from '../../src/raft/message.js';
import type { Snapshot, Storage, StorageResult } from '../../src/storage/index.js';

/** Everything that a storage shows, as plain data: two storages are equal when these are. */
export interface Observation {
  readonly hardState: HardState;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly termBeforeFirst: number | undefined;
  readonly entries: readonly string[];
  readonly snapshot: string;
}

export function observe(storage: Storage): Observation {
  const snapshot = storage.loadSnapshot();
  return {
    hardState: storage.hardState,
    firstIndex: storage.firstIndex,
    lastIndex: storage.lastIndex,
    termBeforeFirst: storage.termAt(storage.firstIndex - 1),
    entries: storage.headers().map((header) => {
      const { bytes, start, end } = storage.payload(header.index);
      const term = storage.termAt(header.index);
      return `${JSON.stringify({ ...header, term })} ${bytes.toString('hex', start, end)}`;
    }),
    snapshot:
      snapshot === undefined
        ? `${storage.snapshotIndex} ${storage.snapshotTerm}`
        : `${snapshot.index} ${snapshot.term} ${Buffer.from(snapshot.bytes).toString('hex')}`,
  };
}

/** A log as arrays. Its methods do what `Storage` says of the methods with the same names. */
export class StorageModel {
  hardState: HardState = { currentTerm: 0 };
  snapshot: Snapshot = { index: 0, term: 0, bytes: new Uint8Array() };
  firstIndex = 1;
  termBeforeFirst = 0;
  entries: Entry[] = [];

  get lastIndex(): number {
    return this.firstIndex + this.entries.length - 1;
  }

  copy(): StorageModel {
    return Object.assign(new StorageModel(), this, { entries: [...this.entries] });
  }

  termAt(index: number): number | undefined {
    if (index === this.firstIndex - 1) return this.termBeforeFirst;
    return this.entries[index - this.firstIndex]?.term;
  }

  truncate(keptIndex: number): void {
    this.entries.length = keptIndex - this.firstIndex + 1;
  }

  append(entries: readonly Entry[]): void {
    this.truncate((entries[0]?.index ?? this.lastIndex + 1) - 1);
    this.entries.push(...entries);
  }

  trim(index: number): void {
    const last = Math.min(index, this.snapshot.index);
    if (last < this.firstIndex) return;
    this.termBeforeFirst = this.termAt(last) ?? 0;
    this.entries.splice(0, last - this.firstIndex + 1);
    this.firstIndex = last + 1;
  }

  saveSnapshot(snapshot: Snapshot): void {
    if (snapshot.index <= this.snapshot.index) return;
    if (this.termAt(snapshot.index) !== snapshot.term) {
      this.entries = [];
      this.firstIndex = snapshot.index + 1;
      this.termBeforeFirst = snapshot.term;
    }
    this.snapshot = snapshot;
  }

  observe(): Observation {
    const { index, term, bytes } = this.snapshot;
    const hex = Buffer.from(bytes).toString('hex');
    return {
      hardState: this.hardState,
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
      termBeforeFirst: this.termBeforeFirst,
      entries: this.entries.map(({ payload, ...header }) => {
        return `${JSON.stringify(header)} ${Buffer.from(payload).toString('hex')}`;
      }),
      snapshot: index === 0 ? '0 0' : `${index} ${term} ${hex}`,
    };
  }
}

/** A step in words that fit any state; `perform` makes a call of it. */
export type Step =
  | { readonly kind: 'vote'; readonly termStep: number; readonly votedFor: string }
  | {
      readonly kind: 'append';
      readonly back: number;
      readonly termSteps: readonly number[];
      readonly sizes: readonly number[];
    }
  | { readonly kind: 'trim'; readonly back: number }
  | {
      readonly kind: 'snapshot';
      readonly ahead: number;
      readonly conflicts: boolean;
      readonly size: number;
    };

/** Steps that visit all corners of a storage of a few hundred bytes. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('vote' as const),
      termStep: fc.nat(2),
      votedFor: fc.constantFrom('', 'n1', 'n2', 'the-node-with-a-long-name'),
    }),
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        back: fc.oneof(fc.constant(0), fc.nat(6)),
        termSteps: fc.array(fc.nat(1), { minLength: 4, maxLength: 4 }),
        sizes: fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
      }),
    },
    fc.record({ kind: fc.constant('trim' as const), back: fc.nat(6) }),
    fc.record({
      kind: fc.constant('snapshot' as const),
      ahead: fc.integer({ min: -6, max: 2 }),
      conflicts: fc.boolean(),
      size: fc.nat(48),
    }),
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
);

/**
 * Does one step to both. The model follows only if the storage said `ok`.
 * `meanwhile` is the model as a crash in the middle of the step may leave it, where that is a third
 * state beside before and after: an append that takes conflicting entries away.
 */
export function perform(
  step: Step,
  storage: Storage,
  model: StorageModel,
): { readonly result: StorageResult; readonly meanwhile: StorageModel } {
  const meanwhile = model.copy();
  if (step.kind === 'vote') {
    const hardState = nextHardState(step, model.hardState);
    storage.saveHardState(hardState);
    model.hardState = hardState;
    return { result: 'ok', meanwhile };
  }
  if (step.kind === 'trim') {
    storage.trim(model.lastIndex - step.back);
    model.trim(model.lastIndex - step.back);
    return { result: 'ok', meanwhile };
  }
  if (step.kind === 'snapshot') {
    const snapshot = nextSnapshot(step, model);
    const result = storage.saveSnapshot(snapshot);
    if (result === 'ok') model.saveSnapshot(snapshot);
    return { result, meanwhile };
  }
  const entries = nextEntries(step, model);
  meanwhile.truncate((entries[0]?.index ?? 0) - 1);
  const result = storage.append(entries);
  if (result === 'ok') model.append(entries);
  return { result, meanwhile };
}

/** An entry whose bytes say which one it is. */
export function makeEntry(index: number, term: number, size = 16): Entry {
  const payload = Uint8Array.from({ length: size }, (_, at) => (index * 31 + term * 7 + at) & 0xff);
  return { index, term, kind: size === 0 ? 'noop' : 'command', byteLength: size, payload };
}

function nextHardState(step: Step & { kind: 'vote' }, current: HardState): HardState {
  const currentTerm = current.currentTerm + step.termStep;
  if (step.termStep === 0 && current.votedFor !== undefined) return current;
  return step.votedFor === '' ? { currentTerm } : { currentTerm, votedFor: step.votedFor };
}

function nextEntries(step: Step & { kind: 'append' }, model: StorageModel): Entry[] {
  const keptIndex = Math.max(model.snapshot.index, model.lastIndex - step.back);
  let term = model.termAt(keptIndex) ?? 0;
  return step.sizes.map((size, at) => {
    term += step.termSteps[at] ?? 0;
    return makeEntry(keptIndex + 1 + at, term, size);
  });
}

function nextSnapshot(step: Step & { kind: 'snapshot' }, model: StorageModel): Snapshot {
  const index = Math.max(0, model.lastIndex + step.ahead);
  const held = model.termAt(index) ?? model.termAt(model.lastIndex) ?? 0;
  const term = Math.max(held, model.snapshot.term) + (step.conflicts ? 1 : 0);
  return { index, term, bytes: Uint8Array.from({ length: step.size }, (_, at) => index + at) };
}
