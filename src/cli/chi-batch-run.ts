/** Runs the scripts of a folder many times, in the threads of a pool, and judges each run. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import type { BatchRun, BatchTask } from '../chistributed/batch-task.js';
import { type Departure, Expectation } from '../chistributed/expectation.js';
import { type Clock, systemClock } from '../clock.js';
import { RaftError } from '../errors.js';

/** A script of the folder, with what stands beside it. */
export interface BatchScript {
  /** Without its `.chi`. */
  readonly name: string;
  readonly path: string;
  /** The configuration file, if there is one. */
  readonly configuration: string | undefined;
  readonly expectation: Expectation | undefined;
}

/** One run, judged. */
export interface JudgedRun {
  readonly script: BatchScript;
  /** From 1, for each script. */
  readonly number: number;
  readonly durationMs: number;
  /** Why it failed; `undefined` when it passed. */
  readonly failure: string | undefined;
  /** Absent when the thread ended before the run did. */
  readonly run: BatchRun | undefined;
}

export interface BatchOptions {
  readonly scripts: readonly BatchScript[];
  readonly repeat: number;
  readonly parallel: number;
  readonly limitMs: number;
  /** Seeds run 1 of every script; run n has this plus n - 1. Default: random ones. */
  readonly seed?: number | undefined;
  /** Whether the scripts run under virtual time; then a seed is needed. Default: false. */
  readonly virtualTime?: boolean | undefined;
  /** Where transcripts are stored. Default: nowhere. */
  readonly transcripts?: string | undefined;
  readonly signal: AbortSignal;
  readonly onRun: (run: JudgedRun) => void;
}

/** This file is dist/src/cli/chi-batch-run.js. */
const worker = new URL('../../workers/run-script.js', import.meta.url);

/**
 * A thread that does not end by itself when its time is over gets this much more. A busy machine
 * takes long to load its code, which does not count as the time of the run.
 */
const graceMs = 60_000;

/**
 * The scripts of a folder in the order of their names. The configuration of `NAME.chi` is
 * `NAME.conf`, else `chistributed.conf` in the folder; its expectation is `NAME.expected`.
 *
 * Rejects with `RAFT_INVALID_SCRIPT` for a folder that cannot be read or has no scripts, and for
 * an expectation that is not one.
 */
export async function findScripts(folder: string): Promise<BatchScript[]> {
  const files = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`;
    throw new RaftError('RAFT_INVALID_SCRIPT', `the folder ${folder} ${why}`, { cause });
  });
  const names = files.filter((file) => file.endsWith('.chi')).map((file) => file.slice(0, -4));
  if (names.length === 0) {
    throw new RaftError('RAFT_INVALID_SCRIPT', `there are no scripts (*.chi) in ${folder}`);
  }
  return Promise.all(names.sort().map((name) => findScript(folder, name)));
}

async function findScript(folder: string, name: string): Promise<BatchScript> {
  const beside = (file: string): string | undefined => {
    const path = join(folder, file);
    return existsSync(path) ? path : undefined;
  };
  const expected = beside(`${name}.expected`);
  return {
    name,
    path: join(folder, `${name}.chi`),
    configuration: beside(`${name}.conf`) ?? beside('chistributed.conf'),
    expectation:
      expected === undefined
        ? undefined
        : new Expectation(await readFile(expected, 'utf8'), expected),
  };
}

/** Resolves when all runs are done, or the signal has ended them; in no particular order. */
export async function runBatch(options: BatchOptions): Promise<JudgedRun[]> {
  const { scripts, repeat, parallel, transcripts, signal, onRun } = options;
  if (transcripts !== undefined) await mkdir(transcripts, { recursive: true });
  // Script after script, then all of them again: what fails always is seen early.
  const waiting = Array.from({ length: repeat }, (_, at) =>
    scripts.map((script) => ({ script, number: at + 1 })),
  ).flat();
  const judged: JudgedRun[] = [];
  const lane = async (): Promise<void> => {
    await using thread = new RunThread(options.virtualTime === true ? virtualRunsPerThread : 1);
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      const run = await runOnce(next, options, thread);
      if (signal.aborted) return;
      if (transcripts !== undefined) await store(transcripts, run, repeat);
      judged.push(run);
      onRun(run);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return judged;
}

/** A thread takes several times as long to get ready as a run in virtual time takes. */
const virtualRunsPerThread = 100;

/**
 * A thread for so many runs, one after the other. On threads a run has one that ends with it: the
 * shared memory of a cluster weighs nothing in the accounts of a collector that only sees its own
 * thread, so one that goes on would pile it up. A simulated cluster gives its memory back.
 */
class RunThread implements AsyncDisposable {
  readonly #runsMax: number;
  #pool: Piscina<BatchTask, BatchRun> | undefined;
  #runs = 0;

  constructor(runsMax: number) {
    this.#runsMax = runsMax;
  }

  async run(task: BatchTask, signal: AbortSignal): Promise<BatchRun> {
    this.#pool ??= new Piscina<BatchTask, BatchRun>({
      filename: worker.href,
      minThreads: 1,
      maxThreads: 1,
      // A thread that waits for work must still hear of the threads of its nodes.
      atomics: 'disabled',
    });
    this.#runs += 1;
    let isSound = false;
    try {
      const run = await this.#pool.run(task, { signal });
      isSound = run.ended !== 'interrupted';
      return run;
    } finally {
      if (!isSound || this.#runs >= this.#runsMax) await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    this.#runs = 0;
    await pool?.destroy();
  }
}

async function runOnce(
  { script, number }: { readonly script: BatchScript; readonly number: number },
  { seed, virtualTime, limitMs, signal }: BatchOptions,
  thread: RunThread,
  clock: Clock = systemClock,
): Promise<JudgedRun> {
  const task: BatchTask = {
    script: script.path,
    limitMs,
    ...(script.configuration === undefined
      ? {}
      : { configuration: { file: script.configuration } }),
    ...(seed === undefined ? {} : { seed: (seed + number - 1) % 2 ** 32 }),
    virtualTime: virtualTime === true,
  };
  const beganMs = clock.nowMs();
  const outer = AbortSignal.timeout(limitMs + graceMs);
  try {
    const run = await thread.run(task, AbortSignal.any([signal, outer]));
    const durationMs = clock.nowMs() - beganMs;
    return { script, number, durationMs, run, failure: failureOf(run, script, limitMs) };
  } catch (error) {
    const durationMs = clock.nowMs() - beganMs;
    const reason = error instanceof Error ? error.message : String(error);
    const failure = outer.aborted ? overTime(limitMs) : `the thread of the run ended: ${reason}`;
    return { script, number, durationMs, run: undefined, failure };
  }
}

function failureOf(run: BatchRun, script: BatchScript, limitMs: number): string | undefined {
  if (run.ended === 'interrupted') return overTime(limitMs);
  if (run.ended === 'node-crashed') return 'a node crashed while it started';
  if (run.exitCode !== 0) return `exit code ${run.exitCode}: ${(run.stdout + run.stderr).trim()}`;
  const departure = script.expectation?.departure(run.stdout);
  return departure && departureText(departure);
}

function departureText({ line, expected, found }: Departure): string {
  const quoted = (text: string): string => `'${text}'`;
  const wanted = expected.length === 0 ? 'the end' : expected.map(quoted).join(' or ');
  const seen = found === undefined ? 'the end' : quoted(found);
  return `line ${line} is ${seen}; expected ${wanted}`;
}

function overTime(limitMs: number): string {
  return `not at its end after ${limitMs / 1_000} s`;
}

/** `NAME.7.out`, and `NAME.7.err` where something went to standard error. */
async function store(
  folder: string,
  { script, number, run }: JudgedRun,
  of: number,
): Promise<void> {
  if (run === undefined) return;
  const stem = join(folder, `${script.name}.${String(number).padStart(String(of).length, '0')}`);
  await writeFile(`${stem}.out`, run.stdout);
  if (run.stderr !== '') await writeFile(`${stem}.err`, run.stderr);
}
