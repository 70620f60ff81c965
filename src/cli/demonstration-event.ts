/**
 * What the demonstration tells, as plain data. `balsa start` makes sentences of it; with `--json`
 * these are the lines, `at` in ms since the command began.
 */
import type { Verified } from '../../benchmarks/steady-writer.js';
import type { FailedOutcome } from '../errors.js';
import type { NodeId } from '../raft/index.js';

export type DemonstrationEvent =
  | {
      readonly event: 'cluster-started';
      readonly nodes: readonly NodeId[];
      readonly seed: number;
      readonly tookMs: number;
    }
  /** A part of the story begins. */
  | { readonly event: 'chapter'; readonly number: number; readonly title: string }
  | {
      readonly event: 'leader-elected';
      readonly nodeId: NodeId;
      readonly term: number;
      readonly afterMs: number;
    }
  | {
      readonly event: 'written' | 'read';
      /** The node that was asked, and answered. */
      readonly nodeId: NodeId;
      readonly key: string;
      readonly value: unknown;
      readonly tookMs: number;
    }
  | { readonly event: 'load-started'; readonly writesPerSecond: number }
  /** The thread of the leader was ended. */
  | { readonly event: 'leader-killed'; readonly nodeId: NodeId; readonly acknowledged: number }
  | { readonly event: 'leader-isolated'; readonly nodeId: NodeId; readonly acknowledged: number }
  /** A write that was sent after the fault was acknowledged. */
  | { readonly event: 'writes-resumed'; readonly afterMs: number }
  | { readonly event: 'node-restarted'; readonly nodeId: NodeId; readonly afterMs: number }
  | {
      readonly event: 'write-refused';
      readonly nodeId: NodeId;
      readonly code: string;
      readonly outcome: FailedOutcome;
      readonly tookMs: number;
    }
  | { readonly event: 'healed' }
  | {
      readonly event: 'converged';
      readonly nodes: readonly NodeId[];
      readonly lastApplied: number;
      readonly digest: string;
      readonly tookMs: number;
    }
  | ({ readonly event: 'checked' } & Verified)
  | {
      readonly event: 'benchmark';
      readonly opsPerSecond: number;
      readonly seconds: number;
      readonly outstanding: number;
      readonly valueBytes: number;
      readonly p50Micros: number;
      readonly p99Micros: number;
    }
  | ({ readonly event: 'summary' } & DemonstrationSummary);

/** How a demonstration ended. Everything is well if nothing is lost and nothing undead. */
export interface DemonstrationSummary {
  /** Writes acknowledged, those of the benchmark included; every one was read back. */
  readonly acknowledged: number;
  readonly lost: number;
  /** Rejected, and there all the same. */
  readonly undead: number;
  readonly elections: number;
  readonly tookMs: number;
}

export type Tell = (event: DemonstrationEvent) => void;
