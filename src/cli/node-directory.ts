/**
 * Where a node under a broker keeps its state: a directory that outlives the node and not the
 * broker, so that a node that is started again goes on, and the next run begins with nothing.
 *
 *     TMP/balsa-node-USER/ROUTER PORT-BROKER/NUMBER-NAME
 *
 * The broker is known by its process: it is the parent of its nodes. On Linux the moment that it
 * was started is part of its name, since numbers of processes come again.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { RaftError } from '../errors.js';
import { isRunning, startOf } from '../storage/lock-holder.js';
import type { NodeArguments } from './node-arguments.js';

/** Makes the directory of a node, and removes those of brokers that are gone. */
export function openNodeDirectory(node: NodeArguments, brokerPid: number = process.ppid): string {
  const root = join(tmpdir(), `balsa-node-${userInfo().username}`);
  const broker = `${portOf(node.routerEndpoint)}-${brokerName(brokerPid)}`;
  const number = [node.name, ...node.peers].sort().indexOf(node.name) + 1;
  const name = encodeURIComponent(node.name).slice(0, nameLengthMax);
  const directory = join(root, broker, `${number}-${name}`);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    removeOthers(root, broker);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RaftError('RAFT_STORAGE_FAILED', `no directory for the state of the node: ${why}`, {
      cause: error,
    });
  }
  return directory;
}

/** The number before it tells names apart; this only says whose directory it is. */
const nameLengthMax = 100;

function portOf(endpoint: string): string {
  return /(\d+)$/.exec(endpoint)?.[1] ?? encodeURIComponent(endpoint).slice(0, nameLengthMax);
}

function brokerName(pid: number): string {
  return `${pid}-${startOf(pid) ?? 'unknown'}`;
}

function removeOthers(root: string, own: string): void {
  for (const entry of readdirSync(root)) {
    const pid = Number(/-(\d+)-[^-]+$/.exec(entry)?.[1]);
    if (entry === own || !Number.isSafeInteger(pid)) continue;
    const isThere = isRunning(pid) && entry.endsWith(`-${brokerName(pid)}`);
    if (!isThere) rmSync(join(root, entry), { recursive: true, force: true });
  }
}
