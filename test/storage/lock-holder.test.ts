/** Whether the holder of a directory lives, as seen from another container or machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { lockDirectory } from '../../src/storage/directory-lock.js';
import { isLocal } from '../../src/storage/life-sign.js';
import { directoryOf } from '../directory.js';

const fixture = fileURLToPath(new URL('fixtures/hold-directory.js', import.meta.url));

interface Held {
  readonly directory: string;
  readonly child: ChildProcess;
  readonly kill: () => Promise<unknown>;
}

/** A directory that another process holds; `seen`: how what it wrote looks from elsewhere. */
async function hold(t: ExecutionContext, seen: Record<string, unknown>): Promise<Held> {
  const directory = directoryOf(t);
  const child = spawn(process.execPath, [fixture, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const file = join(directory, 'holder-1.lock');
  const holder = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...holder, ...seen }));
  const kill = (): Promise<unknown> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    return ended;
  };
  return { directory, child, kill };
}

function take(directory: string): string {
  try {
    lockDirectory(directory)[Symbol.dispose]();
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** A number that no process has: beyond what the system gives. */
const nobody = 4_194_305;
const locked = 'RAFT_STORAGE_LOCKED';
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

for (const [name, seen] of [
  ['another container', { pid: nobody, pidSpace: 'pid:[1]' }],
  ['a container of another name', { pid: nobody, pidSpace: 'pid:[1]', host: 'b7c8' }],
] as const) {
  onLinux(`a process in ${name} holds its directory as long as it lives`, async (t) => {
    const { directory, child, kill } = await hold(t, seen);

    t.is(take(directory), locked);
    child.kill('SIGSTOP');
    t.is(take(directory), locked, 'it stands still, and holds it');
    await kill();

    t.is(take(directory), isLocal(directory) ? 'taken' : locked);
    if (isLocal(directory)) t.deepEqual(readdirSync(directory), ['holder-2.lock']);
  });
}

onLinux('without a sign of life nobody else’s container is taken for dead', async (t) => {
  const seen = { pid: nobody, pidSpace: 'pid:[1]', socket: undefined };
  const { directory, kill } = await hold(t, seen);

  t.is(take(directory), locked);
  await kill();

  t.is(take(directory), locked);
});

onLinux('a host that was given another name knows its own processes', async (t) => {
  const { directory, kill } = await hold(t, { host: 'b7c8', socket: undefined });

  t.is(take(directory), locked);
  await kill();

  t.is(take(directory), 'taken');
});

onLinux('a disk that came from another machine is free, a shared one is not', async (t) => {
  const other = { pid: nobody, host: 'b7c8', boot: 'another' };
  const moved = await hold(t, other);
  const shared = await hold(t, { ...other, socket: undefined });
  const restarted = await hold(t, { pid: nobody, boot: 'another', socket: undefined });

  t.is(take(moved.directory), isLocal(moved.directory) ? 'taken' : locked);
  t.is(take(shared.directory), locked);
  t.is(take(restarted.directory), 'taken', 'the machine was started anew');
});
