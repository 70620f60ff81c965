/**
 * The children of a supervisor, and what happens when one of them dies.
 */
import type { Clock, Timer } from '../clock.js';
import { RaftError } from '../errors.js';
import { type ChildSpec, ManagedChild } from './child.js';
import type { ActorRecord } from './context.js';
import { stopped } from './control.js';
import { Life } from './life.js';
import type { DownNotice } from './monitor.js';
import {
  decideRestart,
  isRestarted,
  planRestart,
  type RestartDecision,
  type RestartLimits,
  recentDeaths,
  type Strategy,
} from './restart.js';
import type { ActorId, Space } from './space.js';
import type { SupervisorEvent } from './supervisor-event.js';

export interface FamilyOptions {
  readonly strategy: Strategy;
  readonly limits: RestartLimits;
  readonly space: Space;
  readonly clock: Clock;
  /** Makes the record of the child's next incarnation, all but its data. */
  recordOf(child: ManagedChild): Omit<ActorRecord, 'data'>;
  /** A thread is gone. Called before anything is done about it. */
  onEnd(notice: DownNotice): void;
  /** It will not be restarted any more. */
  onGiveUp(notice: DownNotice): void;
  onEvent(event: SupervisorEvent): void;
}

export class Family {
  readonly #options: FamilyOptions;
  readonly #children = new Map<string, ManagedChild>();
  /** When the group died, with one-for-all. */
  #groupDeathsMs: readonly number[] = [];
  #isRegrouping = false;
  #pause: { timer: Timer; end: () => void } | undefined;
  #isClosing = false;

  constructor(options: FamilyOptions) {
    this.#options = options;
  }

  /** In the order of their start. */
  get children(): ManagedChild[] {
    return [...this.#children.values()];
  }

  find(actor: ActorId): ManagedChild | undefined {
    return this.children.find((child) => child.actor === actor);
  }

  get(id: string): ManagedChild {
    const child = this.#children.get(id);
    if (child) return child;
    throw new RaftError('RAFT_UNKNOWN_NODE', `there is no child '${id}'`, {
      details: { outcome: 'rejected', nodeId: id },
    });
  }

  async start(spec: ChildSpec, actor: ActorId): Promise<ManagedChild> {
    const child = new ManagedChild(spec, actor);
    this.#children.set(spec.id, child);
    try {
      await this.#begin(child);
    } catch (error) {
      this.#children.delete(spec.id);
      throw error;
    }
    return child;
  }

  /** Takes a child in that does not run before it is restarted. */
  prepare(spec: ChildSpec, actor: ActorId): ManagedChild {
    const child = new ManagedChild(spec, actor);
    child.isWanted = false;
    this.#children.set(spec.id, child);
    return child;
  }

  has(id: string): boolean {
    return this.#children.has(id);
  }

  /** See `Supervisor.crash`. */
  async crash(child: ManagedChild, isRestartedAfter: boolean): Promise<void> {
    if (!isRestartedAfter) this.#abandon(child);
    await child.life?.kill('crashed');
  }

  async stop(child: ManagedChild): Promise<void> {
    this.#abandon(child);
    await child.life?.stop();
  }

  /** One that is being started for the first time is only waited for. */
  async restart(child: ManagedChild): Promise<void> {
    if (child.isAdopted) await this.stop(child);
    child.isWanted = true;
    child.deathsMs = [];
    await this.#begin(child);
  }

  /** Stops all, the youngest first; nothing is started any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pause?.end();
    for (const child of this.children) this.#abandon(child);
    for (const child of this.children.reverse()) await child.life?.stop();
  }

  #abandon(child: ManagedChild): void {
    child.isWanted = false;
    child.cancelRestart();
  }

  /** Starts the child's next incarnation, or joins the start that is under way. */
  async #begin(child: ManagedChild): Promise<void> {
    const { space, clock, recordOf } = this.#options;
    if (this.#isClosing) throw stopped('the supervisor');
    child.cancelRestart();
    if (child.life) {
      await child.life.ready;
      return;
    }
    const life = new Life(child.spec, recordOf(child), space, clock);
    child.life = life;
    this.#report(child, { kind: 'started', incarnation: life.incarnation });
    void life.ended.then((notice) => this.#ended(child, notice));
    await life.ready;
    child.isAdopted = true;
    this.#report(child, { kind: 'ready', incarnation: life.incarnation });
  }

  #ended(child: ManagedChild, notice: DownNotice): void {
    child.life = undefined;
    this.#options.onEnd(notice);
    const { kind, incarnation, reason, error } = notice;
    this.#report(child, { kind, incarnation, reason, ...(error ? { error } : {}) });
    if (this.#isClosing || !child.isWanted || !child.isAdopted) return;
    if (!isRestarted(child.spec.restart ?? 'permanent', reason)) return;
    // A death that was ordered says nothing about the child's health.
    const isCounted = reason !== 'crashed';
    if (this.#options.strategy === 'one-for-all') void this.#regroup(child, notice, isCounted);
    else this.#restartLater(child, notice, isCounted);
  }

  #restartLater(child: ManagedChild, notice: DownNotice, isCounted: boolean): void {
    child.deathsMs = this.#withDeath(child.deathsMs, isCounted);
    const decision = this.#decide(child.deathsMs);
    if (decision.kind === 'give-up') {
      this.#giveUp(child, notice);
      return;
    }
    const { afterMs } = decision;
    this.#report(child, { kind: 'restarting', afterMs });
    child.timer = this.#options.clock.setTimer(afterMs, () => {
      child.timer = undefined;
      // A start that fails is a death like any other, and was reported as such.
      this.#begin(child).catch(() => undefined);
    });
  }

  /** Stops the siblings of a dead child and starts all again, until all live or none is to. */
  async #regroup(dead: ManagedChild, notice: DownNotice, isCounted: boolean): Promise<void> {
    if (this.#isRegrouping) return;
    this.#isRegrouping = true;
    const siblings = this.children.filter((child) => child.isWanted);
    const plan = planRestart('one-for-all', siblings.map(siblingOf), dead.id);
    const members = plan.start.map((id) => this.get(id));
    this.#groupDeathsMs = this.#withDeath(this.#groupDeathsMs, isCounted);
    for (const id of plan.stop) await this.get(id).life?.stop();
    while (!(await this.#startTogether(dead, members, notice))) {
      this.#groupDeathsMs = this.#withDeath(this.#groupDeathsMs, true);
      for (const child of members.toReversed()) await child.life?.stop();
    }
    this.#isRegrouping = false;
  }

  /** True when there is nothing more to do: all live, or the group gave up, or it is closed. */
  async #startTogether(
    dead: ManagedChild,
    members: readonly ManagedChild[],
    notice: DownNotice,
  ): Promise<boolean> {
    const decision = this.#decide(this.#groupDeathsMs);
    if (decision.kind === 'give-up') {
      for (const child of members) this.#abandon(child);
      this.#giveUp(dead, notice);
      return true;
    }
    for (const child of members) {
      this.#report(child, { kind: 'restarting', afterMs: decision.afterMs });
    }
    await this.#wait(decision.afterMs);
    try {
      for (const child of members) if (child.isWanted) await this.#begin(child);
    } catch {
      // Reported as the death of the one that failed.
      return this.#isClosing;
    }
    return this.#isClosing || members.every((child) => !child.isWanted || child.life);
  }

  #giveUp(child: ManagedChild, notice: DownNotice): void {
    this.#abandon(child);
    this.#report(child, { kind: 'gave-up' });
    this.#options.onGiveUp({ ...notice, reason: 'gave-up' });
  }

  #withDeath(deathsMs: readonly number[], isCounted: boolean): readonly number[] {
    const nowMs = this.#options.clock.nowMs();
    const recent = recentDeaths(deathsMs, nowMs, this.#options.limits);
    return isCounted ? [...recent, nowMs] : recent;
  }

  #decide(deathsMs: readonly number[]): RestartDecision {
    return decideRestart(deathsMs, this.#options.clock.nowMs(), this.#options.limits);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer[Symbol.dispose]();
        this.#pause = undefined;
        resolve();
      };
      const timer = this.#options.clock.setTimer(delayMs, end);
      this.#pause = { timer, end };
    });
  }

  #report(child: ManagedChild, event: EventBody): void {
    const { id, actor } = child;
    const at = this.#options.clock.nowMs();
    this.#options.onEvent({ ...event, id, actor, at } as SupervisorEvent);
  }
}

type EventBody = SupervisorEvent extends infer E
  ? E extends { readonly id: string }
    ? Omit<E, 'id' | 'actor' | 'at'>
    : never
  : never;

function siblingOf(child: ManagedChild): Parameters<typeof planRestart>[1][number] {
  return {
    id: child.id,
    restart: child.spec.restart ?? 'permanent',
    isAlive: child.life !== undefined,
  };
}
