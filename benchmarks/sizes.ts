/**
 * What does another node cost?
 *
 * The same load on clusters of different sizes, one after the other. On few cores the nodes share
 * them, so this shows the cost of consensus in CPU time at least as much as in messages.
 */
import type { Workload } from './clients.js';
import type { OnPhase } from './phases.js';
import { measureThroughput, type ThroughputResult } from './throughput.js';

export interface SizesOptions extends Workload {
  readonly sizes: readonly number[];
  /** Time that is measured for each size. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly seed?: number | undefined;
  readonly signal: AbortSignal;
  readonly onPhase?: OnPhase;
}

export interface SizeResult extends ThroughputResult {
  readonly nodes: number;
  /** CPU time of an operation, all threads together. */
  readonly cpuMicrosPerOp: number;
  /** Of this speed to that of the first size. */
  readonly ratioToFirst: number;
}

export async function measureSizes(options: SizesOptions): Promise<SizeResult[]> {
  const { sizes, onPhase = () => {}, ...load } = options;
  const results: SizeResult[] = [];
  for (const [at, nodes] of sizes.entries()) {
    const measured = await measureThroughput({
      ...load,
      nodes,
      clients: 1,
      baseline: false,
      machine: false,
      onPhase: (done, phase) => onPhase((at + done) / sizes.length, phase),
    });
    const { opsPerSecond, cpuSeconds, seconds } = measured;
    const first = results[0]?.opsPerSecond ?? opsPerSecond;
    results.push({
      nodes,
      ...measured,
      cpuMicrosPerOp: rounded((cpuSeconds * 1e6) / (opsPerSecond * seconds)),
      ratioToFirst: rounded(opsPerSecond / first),
    });
  }
  return results;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
