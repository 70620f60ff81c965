/** The options that say where a cluster keeps its data: documented, defaulted and validated. */

import { resolve } from 'node:path';
import { RaftError } from '../errors.js';
import type { SyncPolicy } from '../storage/index.js';

export type { SyncPolicy };

/** Part of the options of a cluster. */
export interface DurabilityOptions {
  /**
   * Where the nodes keep their data: a directory, with one for each node in it, or a directory for
   * each node by its name, so that they can lie on different disks. They are made if missing. What
   * is relative is so to the working directory of now, whatever that is later.
   *
   * Default: none; the nodes keep their data in memory, and it goes with the process. See
   * `docs/durability.md`.
   */
  readonly dataDir?: string | Readonly<Record<string, string>>;
  /**
   * When a node waits for its disk: `always` (default) before it answers; `interval` and `none`
   * may lose acknowledged writes when the power of a majority fails at once.
   */
  readonly syncPolicy?: SyncPolicy;
  /** For `interval`. Whole ms from 1 to 60,000, default 100. */
  readonly syncIntervalMs?: number;
}

/** Absent options filled in; no `dataDir` means memory. */
export interface ResolvedDurability {
  readonly directories: Readonly<Record<string, string>>;
  readonly syncPolicy: SyncPolicy;
  readonly syncIntervalMs: number;
}

const policies: readonly SyncPolicy[] = ['always', 'interval', 'none'];

/** Throws `RAFT_INVALID_OPTION`. */
export function resolveDurability(
  options: DurabilityOptions,
  nodes: readonly string[],
): ResolvedDurability | undefined {
  const { dataDir, syncPolicy = 'always', syncIntervalMs = 100 } = options;
  if (!policies.includes(syncPolicy)) {
    throw invalid('syncPolicy', String(syncPolicy), `one of ${policies.join(', ')}`);
  }
  if (!Number.isSafeInteger(syncIntervalMs) || syncIntervalMs < 1 || syncIntervalMs > 60_000) {
    throw invalid('syncIntervalMs', String(syncIntervalMs), 'a whole number from 1 to 60000');
  }
  if (dataDir === undefined) return undefined;
  return { directories: directoriesOf(dataDir, nodes), syncPolicy, syncIntervalMs };
}

function directoriesOf(
  dataDir: NonNullable<DurabilityOptions['dataDir']>,
  nodes: readonly string[],
): Readonly<Record<string, string>> {
  const entries = nodes.map((node) => [node, directoryOf(dataDir, node)] as const);
  const paths = entries.map(([, path]) => path);
  if (new Set(paths).size !== paths.length) {
    throw invalid('dataDir', paths.join(', '), 'a directory of its own for each node');
  }
  return Object.fromEntries(entries);
}

function directoryOf(dataDir: NonNullable<DurabilityOptions['dataDir']>, node: string): string {
  if (typeof dataDir === 'string' && dataDir !== '') {
    // The name of a node becomes the name of a directory.
    if (/^\w[\w.-]{0,63}$/.test(node)) return resolve(dataDir, node);
    throw invalid('nodes', `'${node}'`, 'letters, digits, _, - and . where dataDir is one path');
  }
  const own = typeof dataDir === 'object' ? dataDir?.[node] : undefined;
  if (typeof own === 'string' && own !== '') return resolve(own);
  throw invalid('dataDir', String(own ?? dataDir), `a path, or one for each node, ${node} too`);
}

function invalid(option: string, found: string, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is ${found}; expected ${expected}`, {
    details: { option },
  });
}
