/**
 * A process that is killed at any instruction, again and again, on one directory: what it had said
 * to be durable is there. `BALSA_KILLS` says how often (default 25).
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Prng } from '../../src/prng.js';
import { openFileStorage, type Storage } from '../../src/storage/index.js';
import { directoryOf } from '../directory.js';
import { makeEntry } from './model.js';

const kills = Number(process.env['BALSA_KILLS'] ?? 25);
const writer = fileURLToPath(new URL('./fixtures/write-until-killed.js', import.meta.url));

interface Word {
  readonly term: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
}

/** Lets a process write, kills it after so many words, and gives the last whole one. */
async function writeUntilKilled(directory: string, words: number): Promise<Word> {
  const child = spawn(process.execPath, [writer, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.split('\n').length > words) child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself, with code ${code}`);
  const [term = 0, lastIndex = 0, snapshotIndex = 0] = (said.split('\n').at(-2) ?? '')
    .split(' ')
    .map(Number);
  return { term, lastIndex, snapshotIndex };
}

function assertKept(storage: Storage, word: Word): void {
  const { hardState, lastIndex, snapshotIndex } = storage;
  const isVoteRight = hardState.votedFor === `n${hardState.currentTerm % 5}`;
  if (hardState.currentTerm < word.term || !isVoteRight) {
    throw new Error(`term ${hardState.currentTerm}, ${hardState.votedFor} after ${word.term}`);
  }
  // Entries that the next turn was about to replace may be gone already.
  if (lastIndex < word.lastIndex - 2 || snapshotIndex < word.snapshotIndex) {
    throw new Error(`${snapshotIndex}, ${lastIndex} after ${JSON.stringify(word)}`);
  }
  for (const { index, term, byteLength } of storage.headers()) {
    const { bytes, start, end } = storage.payload(index);
    const isWhole = bytes.subarray(start, end).equals(makeEntry(index, term, byteLength).payload);
    if (!isWhole) throw new Error(`entry ${index} is not what was written`);
  }
  const snapshot = storage.loadSnapshot();
  if (snapshot?.bytes.some((byte) => byte !== snapshot.index % 256)) throw new Error('snapshot');
}

test(`a process that is killed ${kills} times in the middle of writes loses nothing`, async (t) => {
  t.timeout(60_000 + kills * 10_000);
  const directory = directoryOf(t);
  const prng = new Prng(kills);
  const options = { directory, directoryId: 5, entryBytesMax: 4_096, logBytesMax: 2 ** 20 };

  for (let round = 0; round < kills; round++) {
    const word = await writeUntilKilled(directory, prng.int(1, 120));
    const storage = openFileStorage({ ...options, segmentBytes: 65_536 });
    t.notThrows(() => assertKept(storage, word), `round ${round}`);
    storage.close();
  }
});
