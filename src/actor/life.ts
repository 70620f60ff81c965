/**
 * One incarnation of a child: its thread, from `new Worker` to the thread's end.
 *
 *     starting ──ready──▶ ready ──stop──▶ stopping ──▶ ended
 *         └──────────────── kill, an error, an exit ────▶
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Clock } from '../clock.js';
import { type ErrorRecord, isRaftError, packError, RaftError, unpackError } from '../errors.js';
import type { WorkerRecord } from './actor.js';
import type { ChildSpec } from './child.js';
import type { ActorRecord } from './context.js';
import { type ControlCallOptions, ControlClient, nodeDown, stopped } from './control.js';
import type { DownNotice, DownReason } from './monitor.js';
import type { Space } from './space.js';

export type LifeState = 'starting' | 'ready' | 'stopping' | 'ended';

const startTimeoutMsDefault = 30_000;
const shutdownTimeoutMsDefault = 5_000;

export class Life {
  readonly incarnation: number;
  /** Rejects with `RAFT_WORKER_FAILED`, or `RAFT_STOPPED`, when the thread ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the thread is gone: nothing of it runs any more. */
  readonly ended: Promise<DownNotice>;
  state: LifeState = 'starting';

  readonly #spec: ChildSpec;
  readonly #record: Omit<ActorRecord, 'data'>;
  readonly #space: Space;
  readonly #control: ControlClient;
  readonly #worker: Worker | undefined;
  /** Why it ends, when this side ended it. */
  #verdict: { readonly reason: DownReason; readonly error?: unknown } | undefined;
  #isDisposed = false;
  /** What it died of by itself. */
  #error: unknown;

  /** The record's incarnation is announced before the thread exists. */
  constructor(spec: ChildSpec, record: Omit<ActorRecord, 'data'>, space: Space, clock: Clock) {
    this.#spec = spec;
    this.#record = record;
    this.#space = space;
    this.incarnation = record.incarnation;
    const { port1, port2 } = new MessageChannel();
    this.#control = new ControlClient(port1, spec.id, clock);
    space.setIncarnation(record.id, record.incarnation);
    try {
      const data: unknown = typeof spec.data === 'function' ? spec.data() : spec.data;
      this.#worker = new Worker(spec.worker, {
        name: spec.id,
        workerData: { ...record, data, control: port2 } satisfies WorkerRecord,
        transferList: [port2],
        ...(spec.resourceLimits ? { resourceLimits: spec.resourceLimits } : {}),
      });
    } catch (error) {
      port2.close();
      this.#error = error;
    }
    this.ended = this.#end();
    this.ready = this.#start();
    // Whoever started it hears of it; a restart that nobody waits for is reported as a death.
    this.ready.catch(() => undefined);
  }

  call(method: string, args: readonly unknown[], options?: ControlCallOptions): Promise<unknown> {
    if (this.state === 'stopping') return Promise.reject(stopped(this.#spec.id));
    return this.#control.call(method, args, options);
  }

  /** Ends the thread at whatever instruction it is; from now on it is dead for all others. */
  async kill(reason: DownReason, error?: unknown): Promise<void> {
    this.#verdict ??= error === undefined ? { reason } : { reason, error };
    this.#space.setIncarnation(this.#record.id, 0);
    this.#control.close(nodeDown(this.#spec.id));
    void this.#worker?.terminate();
    await this.ended;
  }

  /** Lets the actor close within its shutdown time, then ends the thread. */
  async stop(): Promise<void> {
    if (this.state === 'stopping' || this.state === 'ended') {
      await this.ended;
      return;
    }
    const wasReady = this.state === 'ready';
    const { shutdownTimeoutMs = shutdownTimeoutMsDefault } = this.#spec;
    this.state = 'stopping';
    this.#isDisposed = true;
    this.#verdict ??= { reason: 'normal' };
    this.#space.resume(this.#record.id);
    if (wasReady) {
      try {
        await this.#control.call('close', [], { timeoutMs: shutdownTimeoutMs, isNews: true });
      } catch (error) {
        if (!isRaftError(error, 'RAFT_NODE_DOWN')) this.#error ??= error;
      }
    }
    this.#control.close(stopped(this.#spec.id));
    void this.#worker?.terminate();
    await this.ended;
  }

  async #start(): Promise<void> {
    const { id, startTimeoutMs = startTimeoutMsDefault } = this.#spec;
    try {
      await this.#control.call('ready', [], { timeoutMs: startTimeoutMs });
      if (this.state === 'starting') this.state = 'ready';
    } catch (error) {
      // If the thread is on its way out, its own error says more than that it is down.
      void this.kill('error', isRaftError(error, 'RAFT_NODE_DOWN') ? undefined : error);
      const notice = await this.ended;
      if (this.#isDisposed) throw stopped(id);
      const cause = notice.error ? unpackError(notice.error) : error;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RaftError('RAFT_WORKER_FAILED', `${id} did not start: ${why}`, {
        cause,
        details: { nodeId: id },
      });
    }
  }

  #end(): Promise<DownNotice> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve(this.#close(1));
    return new Promise((resolve) => {
      worker.on('error', (error) => {
        this.#error ??= error;
      });
      worker.once('exit', (code) => resolve(this.#close(code)));
    });
  }

  #close(exitCode: number): DownNotice {
    this.state = 'ended';
    this.#space.setIncarnation(this.#record.id, 0);
    this.#space.resume(this.#record.id);
    this.#control.close(nodeDown(this.#spec.id, this.#error));
    return {
      kind: 'down',
      actor: this.#record.id,
      incarnation: this.incarnation,
      ...this.#cause(exitCode),
    };
  }

  #cause(exitCode: number): { reason: DownReason; error?: ErrorRecord } {
    const error = this.#verdict?.error ?? this.#error;
    if (error !== undefined) {
      return { reason: this.#verdict?.reason ?? 'error', error: packError(error) };
    }
    if (this.#verdict) return { reason: this.#verdict.reason };
    if (exitCode === 0) return { reason: 'normal' };
    const unexpected = new RaftError('RAFT_WORKER_FAILED', `exited with code ${exitCode}`, {
      details: { nodeId: this.#spec.id, exitCode },
    });
    return { reason: 'error', error: packError(unexpected) };
  }
}
