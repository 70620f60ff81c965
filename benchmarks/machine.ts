/** Where a figure comes from: the machine, and the state of the code. */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Machine {
  /** The model, as the system names it. */
  readonly cpu: string;
  /** Threads that run at once. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** `linux x64`. */
  readonly system: string;
  /** `v20.20.2`. */
  readonly node: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${arch()}`,
    node: process.version,
  };
}

/** This file is dist/benchmarks/machine.js of the package. */
const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The commit that is measured, with a `+` behind it if files differ from it; `undefined` outside
 * of a clone.
 */
export async function describeCommit(): Promise<string | undefined> {
  try {
    const top = await git('rev-parse', '--show-toplevel');
    // An installed package may lie inside somebody else's repository.
    if ((await realpath(top)) !== (await realpath(root))) return undefined;
    const commit = await git('rev-parse', '--short=12', 'HEAD');
    const changes = await git('status', '--porcelain', '--untracked-files=no');
    return changes === '' ? commit : `${commit}+`;
  } catch {
    return undefined;
  }
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd: root, timeout: 5_000 });
  return stdout.trim();
}
