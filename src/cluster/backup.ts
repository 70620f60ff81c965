/**
 * The state of a running cluster as a file, and back: a cut that every acknowledged write is in,
 * and one command that all nodes apply at the same index.
 */
import { resolve } from 'node:path';
import { systemClock } from '../clock.js';
import { isRaftError, RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import type { ExportedSnapshot, SnapshotOrderOptions } from '../replica/snapshot-order.js';
import { BackupReader } from '../storage/backup-file.js';
import { nodeFileSystem, readOnlyFileSystem } from '../storage/file-system.js';
import type { Client } from '../store/client.js';
import { abandonToken } from '../store/staging.js';
import type { Assembly } from './assembly.js';
import type { WaitOptions } from './waiting.js';

export type { ExportedSnapshot };

export interface BackupOptions {
  /**
   * The call is given up after this time; it settles at once, or within a second if the leader
   * stands still. Whole ms > 0, default 60,000.
   */
  readonly timeoutMs?: number;
  /**
   * Ends the call with the signal's reason. An export leaves no file, an import no trace, unless
   * its last step was under way.
   */
  readonly signal?: AbortSignal;
}

/** What was imported. */
export interface ImportedSnapshot {
  /** The entry of this cluster's log from which on the state is that of the file. */
  readonly index: number;
  /** Bytes of the state. */
  readonly byteLength: number;
}

/** The parts of a cluster that move its state. */
export interface BackupParts {
  readonly assembly: Assembly;
  readonly client: Client;
  readonly waitForLeader: (options: WaitOptions) => Promise<NodeId>;
}

const defaultTimeoutMs = 60_000;
/** Time that a leader gets to give an export up, and to say so. */
const cancelMsMax = 1_000;
/** Bytes of a step of an import, or less for short values. */
const stepBytesMax = 2 ** 18;
/** A step that nobody takes up: its answer tells where the log is. */
const barrierToken = '0:0';

let exportsBegun = 0;
/** One process at a time has a log, and each import begins it anew: these numbers tell enough. */
let importsBegun = 0;

export async function exportSnapshot(
  parts: BackupParts,
  file: string,
  { timeoutMs = defaultTimeoutMs, signal }: BackupOptions,
): Promise<ExportedSnapshot> {
  const path = pathOf(file);
  const limit = limitOf(timeoutMs, signal);
  assertPath(path);
  exportsBegun += 1;
  const partPath = `${path}.part-${process.pid}-${exportsBegun}`;
  for (;;) {
    // An entry that was proposed now stands behind all that was acknowledged before.
    const { index: minIndex } = await parts.client.stage(barrierToken, undefined, limit());
    const leader = await parts.waitForLeader(limit());
    const order = { path, partPath, minIndex, givenUp: new SharedArrayBuffer(4) };
    try {
      return await orderAt(parts, leader, order, limit());
    } catch (error) {
      if (nodeFileSystem.exists(partPath)) nodeFileSystem.remove(partPath);
      signal?.throwIfAborted();
      if (!isDeath(error) || limit().timeoutMs <= 1) throw error;
    }
  }
}

/** What is left of the time that a call has, ms of at least 1, and its signal. */
interface Limit {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

function limitOf(timeoutMs: number, signal: AbortSignal | undefined): () => Limit {
  const deadlineMs = systemClock.nowMs() + wholeMs(timeoutMs);
  return () => ({
    timeoutMs: Math.max(1, Math.ceil(deadlineMs - systemClock.nowMs())),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The leader died or stopped: another one can do it. */
function isDeath(error: unknown): boolean {
  return isRaftError(error, 'RAFT_NODE_DOWN') || isRaftError(error, 'RAFT_CONTROL_FAILED');
}

async function orderAt(
  { assembly }: BackupParts,
  nodeId: NodeId,
  order: SnapshotOrderOptions & { readonly givenUp: SharedArrayBuffer },
  { timeoutMs, signal }: Limit,
): Promise<ExportedSnapshot> {
  signal?.throwIfAborted();
  const child = assembly.supervisor.child(nodeId);
  // A leader that stands still does not even give up.
  const abandoned = new AbortController();
  let patience: Disposable | undefined;
  const cancel = (): void => {
    Atomics.store(new Int32Array(order.givenUp), 0, 1);
    void child.call('cancelExport', [order.partPath]).catch(() => undefined);
    patience ??= systemClock.setTimer(cancelMsMax, () => abandoned.abort(timedOut(nodeId)));
  };
  using _timer = systemClock.setTimer(timeoutMs, cancel);
  signal?.addEventListener('abort', cancel);
  try {
    const options = { signal: abandoned.signal };
    return (await child.call('exportSnapshot', [order], options)) as ExportedSnapshot;
  } finally {
    patience?.[Symbol.dispose]();
    signal?.removeEventListener('abort', cancel);
  }
}

function timedOut(nodeId: NodeId): RaftError {
  return new RaftError('RAFT_TIMEOUT', `${nodeId} does not answer: it has not even given up`, {
    details: { nodeId },
  });
}

export async function importSnapshot(
  parts: BackupParts,
  file: string,
  { timeoutMs = defaultTimeoutMs, signal }: BackupOptions,
): Promise<ImportedSnapshot> {
  const path = pathOf(file);
  const { assembly, client } = parts;
  const limit = limitOf(timeoutMs, signal);
  assertPath(path);
  using backup = new BackupReader(readOnlyFileSystem, path);
  const own = assembly.options.stateMachine === undefined ? 'store' : 'own';
  if (backup.words.machine !== own) throw wrongState(path);
  const stepBytes = Math.min(stepBytesMax, assembly.options.valueBytesMax - 1);
  // All of it is read before anything is sent: a damaged file changes nothing, nowhere.
  for await (const _ of bytesOf(backup, stepBytes)) signal?.throwIfAborted();
  await assertRoom(parts, backup.byteLength, limit());
  importsBegun += 1;
  const importId = importsBegun;
  const step = async (place: number, bytes: Uint8Array | undefined): Promise<number> => {
    const { succeeded, index } = await client.stage(`${importId}:${place}`, bytes, limit());
    if (!succeeded) throw overtaken();
    return index;
  };
  try {
    let place = 0;
    for await (const bytes of bytesOf(backup, stepBytes)) {
      await step(place, bytes);
      place += bytes.byteLength;
    }
    return { index: await step(place, undefined), byteLength: place };
  } catch (error) {
    // Nobody waits for it: if it gets lost, the next import takes over what is staged.
    client.stage(abandonToken(importId), new Uint8Array()).catch(() => undefined);
    throw error;
  }
}

/**
 * The state that is and the one that comes are in one snapshot for a while. Where that is too large
 * nothing can be forgotten of the log, which fills up with steps and then takes no command at all.
 */
async function assertRoom(
  { assembly, waitForLeader }: BackupParts,
  byteLength: number,
  limit: Limit,
): Promise<void> {
  const { snapshotBytesMax } = assembly.options;
  const child = assembly.supervisor.child(await waitForLeader(limit));
  const { timeoutMs } = limit;
  // A leader that dies meanwhile has a successor with about the same state.
  const found = await child.call('snapshotBytes', [], { timeoutMs }).catch(() => 0);
  const snapshotBytes = found as number;
  if (snapshotBytes + byteLength <= snapshotBytesMax) return;
  throw new RaftError(
    'RAFT_OVERLOADED',
    `the state has ${snapshotBytes} bytes and the file ${byteLength}; snapshotBytesMax, ` +
      `${snapshotBytesMax}, has to be as large as both`,
    { details: { outcome: 'rejected' } },
  );
}

/** The state in steps, with turns for others in between. */
async function* bytesOf(backup: BackupReader, stepBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < backup.byteLength; at += stepBytes) {
    yield backup.read(at, stepBytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The same file, whatever the working directory is when the last of it is written. */
function pathOf(path: unknown): string {
  if (typeof path === 'string' && path !== '') return resolve(path);
  throw new RaftError('RAFT_INVALID_OPTION', `path is '${String(path)}'; expected that of a file`, {
    details: { option: 'path' },
  });
}

function wrongState(path: string): RaftError {
  const message = `${path} has the state of another kind of state machine`;
  return new RaftError('RAFT_WRONG_MACHINE', message, { details: { outcome: 'rejected' } });
}

function overtaken(): RaftError {
  return new RaftError('RAFT_OVERLOADED', 'another import began; only the last one goes on', {
    details: { outcome: 'rejected' },
  });
}

function assertPath(path: string): void {
  if (typeof path === 'string' && path !== '') return;
  throw new RaftError('RAFT_INVALID_OPTION', `path is ${path}; expected the path of a file`, {
    details: { option: 'path' },
  });
}

function wholeMs(timeoutMs: number): number {
  if (Number.isSafeInteger(timeoutMs) && timeoutMs > 0) return timeoutMs;
  const expected = `a whole number > 0, not ${timeoutMs}`;
  throw new RaftError('RAFT_INVALID_OPTION', `timeoutMs is ${expected}`, {
    details: { option: 'timeoutMs' },
  });
}
