/** A directory for what a measurement writes, gone however the process ends. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { RaftError } from '../src/errors.js';

/** Threads that are being ended may still make a file while the directory is removed. */
const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 } as const;

/** What `statfs` calls the file systems that a log may lie on. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
  2035054128: 'overlayfs',
  26985: 'nfs',
  16914836: 'tmpfs',
};

export class ScratchDirectory implements Disposable {
  readonly path: string;
  readonly #remove = (): void => rmSync(this.path, removal);

  /** Makes an empty directory in `parent`. Throws `RAFT_INVALID_OPTION` if that cannot be. */
  constructor(parent: string) {
    try {
      this.path = mkdtempSync(join(parent, 'balsa-bench-'));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RaftError('RAFT_INVALID_OPTION', `--data-dir cannot be used: ${why}`, {
        cause: error,
        details: { option: '--data-dir' },
      });
    }
    // A second Ctrl-C ends the process in the middle.
    process.on('exit', this.#remove);
  }

  /** The file system that it lies on: `ext4`, or its number where the name is not known. */
  get fileSystem(): string {
    const { type } = statfsSync(this.path);
    return fileSystems[type] ?? `0x${type.toString(16)}`;
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}
