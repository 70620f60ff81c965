import test from 'ava';
import type { Entry } from '../../src/raft/index.js';
import { Ledger } from '../../src/sim/ledger.js';
import { createMemory, openMemoryStorage, type Storage } from '../../src/storage/index.js';

interface Books {
  readonly ledger: Ledger;
  readonly broken: string[];
}

function open(): Books {
  const broken: string[] = [];
  return { ledger: new Ledger((invariant) => broken.push(invariant)), broken };
}

function entry(index: number, term: number, text = 'x'): Entry {
  const payload = Buffer.from(text);
  return { index, term, kind: 'command', byteLength: payload.length, payload };
}

/** A log that the ledger has seen being written, as a node writes it. */
function log({ ledger }: Books, nodeId: string): { append(entries: Entry[]): void } & Storage {
  const storage = openMemoryStorage(
    createMemory({
      logBytesMax: 8192,
      entryBytesMax: 1024,
      entriesMax: 64,
      snapshotBytesMax: 64,
    }),
  );
  const append = storage.append.bind(storage);
  return Object.assign(storage, {
    append(entries: Entry[]) {
      ledger.append(nodeId, entries, storage);
      return append(entries);
    },
  });
}

test('two leaders of one term are found (§5.2)', (t) => {
  const books = open();
  const one = log(books, 'n1');

  books.ledger.lead('n1', 3, one);
  books.ledger.lead('n1', 3, one);
  books.ledger.lead('n2', 4, one);
  t.deepEqual(books.broken, []);
  books.ledger.lead('n2', 3, one);

  t.deepEqual(books.broken, ['one leader per term']);
  t.is(books.ledger.elections, 2);
});

test('entries of one index and term that differ are found (§5.3)', (t) => {
  const books = open();

  log(books, 'n1').append([entry(1, 1), entry(2, 1, 'a')]);
  log(books, 'n2').append([entry(1, 1), entry(2, 1, 'a')]);
  t.deepEqual(books.broken, []);
  log(books, 'n3').append([entry(1, 1), entry(2, 1, 'b')]);

  t.deepEqual(books.broken, ['log matching']);
});

test('entries of one index and term that follow different ones are found (§5.3)', (t) => {
  const books = open();

  log(books, 'n1').append([entry(1, 1), entry(2, 3)]);
  log(books, 'n2').append([entry(1, 2), entry(2, 3)]);

  t.deepEqual(books.broken, ['log matching']);
});

test('a leader without a committed entry is found (§5.4)', (t) => {
  const books = open();
  const full = log(books, 'n1');
  const short = log(books, 'n2');
  full.append([entry(1, 1), entry(2, 1)]);
  short.append([entry(1, 1)]);
  books.ledger.commit('n1', { index: 2, term: 1 }, 1);

  books.ledger.lead('n1', 2, full);
  t.deepEqual(books.broken, []);
  books.ledger.lead('n2', 3, short);

  t.deepEqual(books.broken, ['leader completeness']);
});

test('a leader of an older term need not have what a newer one committed', (t) => {
  const books = open();
  const short = log(books, 'n2');
  log(books, 'n1').append([entry(1, 5)]);
  books.ledger.commit('n1', { index: 1, term: 5 }, 5);

  books.ledger.lead('n2', 4, short);

  t.deepEqual(books.broken, []);
});

test('a committed entry that somebody else commits otherwise is found', (t) => {
  const books = open();
  log(books, 'n1').append([entry(1, 1)]);
  log(books, 'n2').append([entry(1, 2)]);

  books.ledger.commit('n1', { index: 1, term: 1 }, 1);
  books.ledger.commit('n2', { index: 1, term: 2 }, 2);

  t.deepEqual(books.broken, ['a committed entry never changes']);
  t.is(books.ledger.committedTerm(1), 1);
});

test('a committed entry that a node gives up is found', (t) => {
  const books = open();
  const one = log(books, 'n1');
  one.append([entry(1, 1), entry(2, 1), entry(3, 1)]);
  books.ledger.commit('n1', { index: 2, term: 1 }, 1);

  one.append([entry(3, 2)]);
  t.deepEqual(books.broken, []);
  one.append([entry(2, 3)]);

  t.deepEqual(books.broken, ['a committed entry never changes']);
});

test('what an older leader replaces late may have been committed since (seed 400034)', (t) => {
  const books = open();
  const away = log(books, 'n1');
  away.append([entry(1, 6), entry(2, 6)]);
  books.ledger.commit('n2', { index: 1, term: 6 }, 6);
  books.ledger.commit('n2', { index: 2, term: 6 }, 9);

  away.append([entry(2, 7)]);
  t.deepEqual(books.broken, [], 'the leader of term 7 had no need to have entry 2');
  away.append([entry(1, 7)]);

  t.deepEqual(books.broken, ['a committed entry never changes']);
});

test('a committed entry that goes with an equal one before it is found', (t) => {
  const books = open();
  const one = log(books, 'n1');
  one.append([entry(1, 1), entry(2, 1)]);
  books.ledger.commit('n1', { index: 2, term: 1 }, 9);

  one.append([entry(1, 1)]);

  t.deepEqual(books.broken, ['a committed entry never changes']);
});

test('a second vote in one term is found (§5.2)', (t) => {
  const { ledger, broken } = open();

  ledger.vote('n1', 'n2', 7);
  ledger.vote('n1', 'n2', 7);
  ledger.vote('n1', 'n3', 8);
  t.deepEqual(broken, []);
  ledger.vote('n1', 'n3', 7);

  t.deepEqual(broken, ['one vote per term']);
});

test('states that differ after the same entry are found (§5.4.3)', (t) => {
  const { ledger, broken } = open();

  ledger.apply('n1', 4, 'aa');
  ledger.apply('n2', 4, 'aa');
  ledger.apply('n2', 8, 'bb');
  t.deepEqual(broken, []);
  ledger.apply('n3', 4, 'bb');

  t.deepEqual(broken, ['state machine safety']);
});
