import test from 'ava';
import { createMemory, openMemoryStorage, type StoredPayload } from '../../src/storage/index.js';
import { boundsPlace } from '../../src/storage/layout.js';
import { testConformance } from './conformance.js';
import { makeEntry } from './model.js';

testConformance('memory', (limits) => {
  const buffers = createMemory({
    logBytesMax: limits.logBytes,
    entriesMax: limits.entries,
    snapshotBytesMax: limits.snapshotBytes,
    entryBytesMax: Math.min(1_024, limits.logBytes / 8),
  });
  return { open: () => openMemoryStorage(buffers) };
});

const mebi = 1_024 * 1_024;

test('memory follows what is live, not the limit: the lowest free segment is taken', (t) => {
  const buffers = createMemory({ logBytesMax: 64 * mebi });
  const storage = openMemoryStorage(buffers);
  const payload = new Uint8Array(mebi);
  let highest = 0;

  // 256 MiB pass through, never more than 4 MiB of them live.
  for (let index = 1; index <= 256; index++) {
    const entry = { ...makeEntry(index, 1, 0), byteLength: mebi, payload };
    t.is(storage.append([entry]), 'ok');
    highest = Math.max(highest, storage.payload(index).end);
    storage.saveSnapshot({ index, term: 1, bytes: new Uint8Array() });
    storage.trim(index - 3);
  }

  t.true(highest <= 8 * mebi, `the highest byte used is ${highest}`);
  t.true(storage.usage.logBytes <= 8 * mebi);
});

test('a payload never crosses a segment', (t) => {
  const segmentBytes = 64;
  const storage = openMemoryStorage(
    createMemory({ logBytesMax: 16 * segmentBytes, segmentBytes, entryBytesMax: 60 }),
  );
  for (let index = 1; index <= 12; index++) storage.append([makeEntry(index, 1, 5 * index)]);

  t.is(storage.lastIndex, 12);
  for (let index = 1; index <= 12; index++) {
    const { start, end } = storage.payload(index);
    t.is(Math.floor(start / segmentBytes), Math.floor((end - 1) / segmentBytes));
  }
});

test('an entry longer than entryBytesMax is refused', (t) => {
  const storage = openMemoryStorage(createMemory({ entryBytesMax: 100 }));

  t.throws(() => storage.append([makeEntry(1, 1, 101)]), { code: 'RAFT_BROKEN_INVARIANT' });
  t.is(storage.append([makeEntry(1, 1, 100)]), 'ok');
});

test('a payload cursor is reused and shares its bytes', (t) => {
  const storage = openMemoryStorage(createMemory());
  storage.append([makeEntry(1, 1, 3), makeEntry(2, 1, 4)]);

  const first: StoredPayload = storage.payload(1);
  const second = storage.payload(2);

  t.is(first, second);
  t.is(second.end - second.start, 4);
  t.true(second.bytes.buffer instanceof SharedArrayBuffer);
});

test('the switch of a record works on when its sequence number passes 2^31 (pitfall 44)', (t) => {
  const buffers = createMemory();
  new Int32Array(buffers.control).fill(2 ** 31 - 3, 0, 2);

  for (let term = 1; term <= 8; term++) {
    const storage = openMemoryStorage(buffers);
    storage.saveHardState({ currentTerm: term, votedFor: `n${term}` });
    storage.append([makeEntry(term, term)]);

    const reopened = openMemoryStorage(buffers);
    t.deepEqual(reopened.hardState, { currentTerm: term, votedFor: `n${term}` });
    t.is(reopened.lastIndex, term);
  }
});

test('no two held entries share a row when indexes pass 2^32 (pitfall 44)', (t) => {
  const entriesMax = 7;
  for (const start of [2 ** 31 - 5, 2 ** 32 - 5]) {
    const storage = openMemoryStorage(createMemory({ entriesMax }));
    storage.saveSnapshot({ index: start, term: 1, bytes: new Uint8Array() });

    for (let at = 1; at <= entriesMax; at++) storage.append([makeEntry(start + at, at)]);

    const indexes = storage.headers().map(({ index, term }) => index - term);
    t.deepEqual(indexes, new Array(entriesMax).fill(start));
  }
});

test('an id that does not fit the stored vote is refused', (t) => {
  const storage = openMemoryStorage(createMemory());
  storage.saveHardState({ currentTerm: 1, votedFor: 'n'.repeat(64) });

  const tooLong = { currentTerm: 2, votedFor: 'n'.repeat(65) };
  t.throws(() => storage.saveHardState(tooLong), { code: 'RAFT_BROKEN_INVARIANT' });
  t.is(storage.hardState.votedFor?.length, 64);
});

test('buffers that no storage wrote are refused', (t) => {
  const create = (): ReturnType<typeof createMemory> => {
    const buffers = createMemory({ entriesMax: 8 });
    openMemoryStorage(buffers).append([makeEntry(1, 1), makeEntry(2, 2), makeEntry(3, 3)]);
    return buffers;
  };
  const corrupt = { code: 'RAFT_STORAGE_CORRUPT' };

  t.is(openMemoryStorage(create()).lastIndex, 3);
  for (const cell of [4, 5, 6]) {
    const damaged = create();
    // The index, the term and the address in the row of entry 1, or its neighbour's.
    new Float64Array(damaged.rows)[cell] = 2 ** 40;
    t.throws(() => openMemoryStorage(damaged), corrupt, `cell ${cell}`);
  }
  for (const [firstIndex, lastIndex, snapshotIndex] of [
    [1, 3, 4],
    [3, 3, 1],
    [-1, 3, 3],
    [1, 9, 9],
  ] as const) {
    const damaged = create();
    const cells = new Float64Array(damaged.control);
    for (const at of [boundsPlace.at, boundsPlace.at + boundsPlace.length]) {
      cells.set([firstIndex, lastIndex, 0, snapshotIndex], at);
    }
    const title = `${firstIndex} to ${lastIndex}, ${snapshotIndex}`;
    const message = /cannot be$/;
    t.throws(() => openMemoryStorage(damaged), { ...corrupt, message }, title);
  }
});

for (const [option, value] of [
  ['logBytesMax', 0],
  ['logBytesMax', 2 * mebi - 1],
  ['logBytesMax', 3 * 1_024 * mebi],
  ['logBytesMax', Number.NaN],
  ['entriesMax', 0],
  ['entriesMax', 1.5],
  ['entriesMax', 2 ** 24 + 1],
  ['entryBytesMax', 7],
  ['entryBytesMax', 257 * mebi],
  ['snapshotBytesMax', -1],
  ['snapshotBytesMax', Number.POSITIVE_INFINITY],
  ['segmentBytes', mebi - 8],
  ['segmentBytes', mebi + 4],
  ['segmentBytes', 256 * mebi],
] as const) {
  test(`createMemory refuses ${option} ${value}`, (t) => {
    const error = t.throws(() => createMemory({ [option]: value }), {
      code: 'RAFT_INVALID_OPTION',
    });

    t.like(error, { details: { option } });
  });
}

test('the log takes whole segments, at least two, and any entry fits one of them', (t) => {
  for (const options of [
    { logBytesMax: 2 * mebi },
    { logBytesMax: 5_000, entryBytesMax: 100 },
    { logBytesMax: 1_000, entryBytesMax: 496 },
    { entryBytesMax: 64 * mebi },
  ]) {
    const { log, segmentBytes, entryBytesMax } = createMemory(options);

    t.is(log.byteLength % segmentBytes, 0);
    t.true(log.byteLength >= 2 * segmentBytes);
    t.true(segmentBytes >= entryBytesMax);
  }
});
