/** One run of one script in a thread of its own, with everything that it printed. */
import { type ClusterTarget, clusterStartLimitMs, createClusterTarget } from './cluster-target.js';
import type { ConfigurationSource } from './configuration.js';
import type { ChiOutput } from './printer.js';
import { type RunScriptResult, runScript } from './run-script.js';
import { VirtualRun } from './virtual-run.js';
import type { VirtualTarget } from './virtual-target.js';

/** What to run. Structured-cloneable. */
export interface BatchTask {
  readonly script: string;
  /** Default: the nodes that the script starts. */
  readonly configuration?: ConfigurationSource;
  readonly seed?: number;
  /** Whether time is virtual; then a seed is needed. Default: false. */
  readonly virtualTime?: boolean;
  /** The run is ended after this long, in ms > 0. */
  readonly limitMs: number;
}

/** What came of it. Structured-cloneable. */
export interface BatchRun extends RunScriptResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Elections won. */
  readonly elections: number;
  /** What repeats the draws of the run; `undefined` where there was no cluster. */
  readonly seed: number | undefined;
}

/** Runs the script to its end; one that takes too long ends as an interrupted one. */
export async function runBatchTask(task: BatchTask): Promise<BatchRun> {
  const { script, configuration, seed, limitMs } = task;
  const texts = { stdout: '', stderr: '' };
  const collect = (stream: 'stdout' | 'stderr'): ChiOutput => ({
    write: (text) => {
      texts[stream] += text;
    },
  });
  const common = {
    script,
    ...(configuration === undefined ? {} : { configuration }),
    startLimitMs: clusterStartLimitMs,
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    signal: AbortSignal.timeout(limitMs),
  };
  if (task.virtualTime === true && seed !== undefined) {
    const run = new VirtualRun({ seed });
    const createTarget = (nodes: readonly string[]): VirtualTarget => run.createTarget(nodes);
    const result = await runScript({ ...common, createTarget, clock: run.clock });
    if (run.violation !== undefined) texts.stderr += `${run.violation}\n`;
    return { ...result, ...texts, elections: run.elections, seed };
  }
  let target: ClusterTarget | undefined;
  const result = await runScript({
    ...common,
    createTarget: (nodes) => {
      target = createClusterTarget(nodes, { seed });
      return target;
    },
  });
  return { ...result, ...texts, elections: target?.elections ?? 0, seed: target?.seedInForce };
}
