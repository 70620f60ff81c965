/** `balsa snapshot`: the state of a cluster on disk as a file, and back. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { isRaftError, RaftError } from '../errors.js';
import { createCluster } from '../index.js';
import { BackupReader } from '../storage/backup-file.js';
import { readOnlyFileSystem } from '../storage/file-system.js';
import { type Identity, machineOf, readIdentity } from '../storage/identity.js';
import { exportStoredSnapshot, type KnownDirectory } from '../storage/stored-backup.js';
import { exitCode } from './exit-code.js';
import { whole } from './option-value.js';
import type { Terminal } from './terminal.js';

const sizes = { min: 1, max: 9 };
/** The most that there is: whatever the cluster was given, its state has to fit. */
const snapshotBytesMax = 2 ** 31;

interface Options {
  readonly dataDir: string;
  readonly nodes?: number;
}

export function snapshotCommand(
  program: Command,
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const snapshot = program
    .command('snapshot')
    .summary('back a cluster on disk up, and restore it')
    .description('Takes the state of a cluster out of its directories into one file, and back.');
  snapshot
    .command('export')
    .summary('write the state to a file')
    .description(
      'Writes the state to a file. A cluster that is closed is opened: the file has all that was ' +
        'acknowledged. One that another process runs goes on, and the file has the newest state ' +
        'that a node has saved: for all of it, that process calls cluster.exportSnapshot(file).',
    )
    .argument('<file>', 'to write, or to replace')
    .requiredOption('--data-dir <directory>', 'of the cluster: with one for each node in it')
    .action(async (file: string, options: Options) => {
      terminal.stdout.write(`${await exportFrom(options.dataDir, file)}\n`);
      end(exitCode.ok);
    });
  snapshot
    .command('import')
    .summary('put the state of a file in the place of a cluster’s')
    .description(
      'Puts the state of a file in the place of that of a cluster, which must be closed, or of a ' +
        'new one. A process that runs one calls cluster.importSnapshot(file).',
    )
    .argument('<file>', 'that was exported')
    .requiredOption('--data-dir <directory>', 'of the cluster; made if it is missing')
    .option('--nodes <number>', 'of a new cluster (default: 3)', whole('--nodes', sizes))
    .action(async (file: string, { dataDir, nodes }: Options) => {
      terminal.stdout.write(`${await importInto(dataDir, file, nodes)}\n`);
      end(exitCode.ok);
    });
}

async function exportFrom(dataDir: string, file: string): Promise<string> {
  const known = nodesIn(dataDir);
  const identity = mostCommon(known);
  if (identity === undefined) throw invalid(`${dataDir} holds no cluster; expected its nodes`);
  const isStore = machineOf(identity) === 'store';
  const why = isStore ? await exportClosed(dataDir, identity.nodes, file) : 'has a state machine';
  if (why === undefined) return `${file} has all that was acknowledged in ${dataDir}`;
  const partPath = `${file}.part-${process.pid}`;
  const { index } = exportStoredSnapshot(known, { path: file, partPath });
  return `${file} has the state after entry ${index}, and nothing later: ${dataDir} ${why}`;
}

/** Why it could not be opened, if another process has it. */
async function exportClosed(
  dataDir: string,
  nodes: readonly string[],
  file: string,
): Promise<string | undefined> {
  try {
    await using cluster = await createCluster({ dataDir, nodes, snapshotBytesMax });
    await cluster.exportSnapshot(file);
    return undefined;
  } catch (error) {
    if (isRaftError(error, 'RAFT_STORAGE_LOCKED')) return 'is in use by another process';
    throw error;
  }
}

async function importInto(dataDir: string, file: string, size = 3): Promise<string> {
  // A file that is none must not leave a new cluster behind.
  new BackupReader(readOnlyFileSystem, file)[Symbol.dispose]();
  const identity = mostCommon(nodesIn(dataDir));
  const shape = identity === undefined ? { size } : { nodes: identity.nodes };
  await using cluster = await createCluster({ dataDir, ...shape, snapshotBytesMax });
  const { byteLength } = await cluster.importSnapshot(file);
  return `${dataDir} has the state of ${file}: ${byteLength} bytes, ${cluster.nodes.length} nodes`;
}

/** The directories of nodes in that of a cluster. */
function directoriesIn(dataDir: string): string[] {
  if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(dataDir)
    .map((name) => join(dataDir, name))
    .filter((path) => existsSync(join(path, 'identity.json')))
    .sort();
}

/**
 * The nodes of the one cluster in a directory. One whose identity cannot be read is left out, as
 * long as there are others; of two clusters neither is taken for the one that is meant.
 */
function nodesIn(dataDir: string): KnownDirectory[] {
  const known: KnownDirectory[] = [];
  let damage: unknown;
  for (const directory of directoriesIn(dataDir)) {
    try {
      const identity = readIdentity(readOnlyFileSystem, directory);
      if (identity?.state === 'founded') known.push({ directory, identity });
    } catch (error) {
      damage ??= error;
    }
  }
  if (known.length === 0 && damage !== undefined) throw damage;
  const clusters = new Set(known.map(({ identity }) => identity.clusterId));
  if (clusters.size <= 1) return known;
  const found = known.map(({ directory, identity }) => `${directory} is of ${identity.clusterId}`);
  throw invalid(`${dataDir} holds nodes of ${clusters.size} clusters: ${found.join(', ')}`);
}

/** What most of the nodes say of their cluster: one of them may be damaged. */
function mostCommon(known: readonly KnownDirectory[]): Identity | undefined {
  const count = ({ nodes }: Identity): number =>
    known.filter(({ identity }) => identity.nodes.join(' ') === nodes.join(' ')).length;
  return known.map(({ identity }) => identity).sort((a, b) => count(b) - count(a))[0];
}

function invalid(message: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', message, { details: { option: 'dataDir' } });
}
