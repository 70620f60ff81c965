/**
 * A child of the supervisor: what it was asked to keep alive, across incarnations.
 */
import type { ResourceLimits } from 'node:worker_threads';
import type { Timer } from '../clock.js';
import { type CallOptions, type ControlCallOptions, nodeDown } from './control.js';
import type { ActorCounters } from './counters.js';
import type { Life, LifeState } from './life.js';
import { type ActorRef, actorRef } from './ref.js';
import type { RestartType } from './restart.js';
import type { ActorId } from './space.js';

export interface ChildSpec {
  /** The child's name, unique within its supervisor. */
  readonly id: string;
  /** The actor id, if it was allocated beforehand to connect it; default: a fresh one. */
  readonly actor?: ActorId;
  /** The module that calls `runActor`. */
  readonly worker: URL;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** What the actor finds as `context.data`; a function is called for each incarnation. */
  readonly data?: unknown;
  /** How long the start may take until the actor is ready, ms > 0. Default 30,000. */
  readonly startTimeoutMs?: number;
  /** How long the actor may take to close, ms >= 0; then its thread is ended. Default 5,000. */
  readonly shutdownTimeoutMs?: number;
  /** Limits of its JavaScript heap, as `node:worker_threads` has them. */
  readonly resourceLimits?: ResourceLimits;
}

/** `waiting`: dead, and a restart is due. */
export type ChildState = Exclude<LifeState, 'ended'> | 'waiting' | 'down';

export interface Child {
  readonly id: string;
  readonly actor: ActorId;
  readonly ref: ActorRef;
  /** 0 while it is dead. */
  readonly incarnation: number;
  readonly state: ChildState;
  /**
   * Calls a method of the behavior's `control` in the actor's thread.
   *
   * Rejects with what the method threw, with `RAFT_NODE_DOWN` when the actor is or gets dead,
   * `RAFT_STOPPED` while it is being stopped, `RAFT_TIMEOUT`, `RAFT_VALUE_NOT_CLONEABLE`,
   * `RAFT_CONTROL_FAILED` when there is no such method.
   */
  call(method: string, args?: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** What its mailbox and its messenger have counted in this incarnation. */
  counters(options?: CallOptions): Promise<ActorCounters>;
}

export class ManagedChild implements Child {
  readonly id: string;
  readonly actor: ActorId;
  readonly spec: ChildSpec;
  life: Life | undefined;
  /** Whether it is to be alive: false after `stop`, a crash without restart, or giving up. */
  isWanted = true;
  /** Whether it was ready once: until then, a death is a failed start and nothing else. */
  isAdopted = false;
  /** The restart that is due. */
  timer: Timer | undefined;
  deathsMs: readonly number[] = [];

  constructor(spec: ChildSpec, actor: ActorId) {
    this.id = spec.id;
    this.actor = actor;
    this.spec = spec;
  }

  get ref(): ActorRef {
    return actorRef(this.actor);
  }

  get incarnation(): number {
    return this.life?.incarnation ?? 0;
  }

  get state(): ChildState {
    if (this.life && this.life.state !== 'ended') return this.life.state;
    return this.timer ? 'waiting' : 'down';
  }

  call(method: string, args: readonly unknown[] = [], options?: CallOptions): Promise<unknown> {
    return this.callRuntime('run', [method, ...args], options);
  }

  async counters(options?: CallOptions): Promise<ActorCounters> {
    return (await this.callRuntime('counters', [], options)) as ActorCounters;
  }

  /** Calls a method that every actor has. */
  callRuntime(
    method: string,
    args: readonly unknown[],
    options?: ControlCallOptions,
  ): Promise<unknown> {
    return this.life?.call(method, args, options) ?? Promise.reject(nodeDown(this.id));
  }

  cancelRestart(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }
}
