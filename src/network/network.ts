/**
 * The weather between nodes: what happens to each frame, and when it arrives.
 *
 * A `Network` is pure and deterministic. It has no timer, no thread and no clock: whoever drives it
 * says what time it is, hands in frames with `submit`, and takes out with `due` what has arrived.
 * The live router drives it by the clock of the machine, the simulator by a virtual one; the same
 * seed, verbs and frames at the same times give the same deliveries.
 *
 *     submit(frame, now) --> rules, partitions --+--> scheduled --> due(now) --> the destination
 *                                                +--> held      --> released, or dropped
 *                                                +--> dropped (and counted)
 *
 * Order: frames of one link arrive in the order in which they were submitted, except those that a
 * `reorder` rule released from it, and except that a held frame is overtaken by what is not held.
 *
 * Healing is disposing. When a rule goes, so does what it still does to frames on their way: delays
 * that it added end, what it holds is let go. Held frames are delivered by default, no earlier than
 * their delays allow; `release({ deliver: false })` drops them. Rules act on frames that come after
 * them; a partition also drops, or holds, what it catches on its way.
 */

import { Prng } from '../prng.js';
import type {
  ActivePartition,
  Installed,
  InstalledRule,
  Partition,
  PartitionOptions,
  ReleaseOptions,
} from './installed.js';
import { Handle, PartitionHandle, RuleHandle } from './installed.js';
import type { Delivery, DropReason, Frame, HeldFrame, Link, LinkCounters } from './link.js';
import { addCounters, countDrop, createCounters } from './link.js';
import { type LinkState, LinkTable } from './link-table.js';
import { checkNetworkOptions, invalidOption, type NetworkOptions, show } from './option.js';
import { Pending, type PendingFrame } from './pending.js';
import type { LinkOptions, Rule } from './rule.js';
import { checkLinks, checkRule, linkRules } from './rule.js';
import type { ActiveRule, Fate, Taker, Verdict } from './verdict.js';
import { activate, copiesOf, fateOf, isSpent, loserOf, takersOf, untouched } from './verdict.js';

export type { NetworkOptions };

/** The network of one cluster. `T` is what its frames carry. */
export class Network<T> {
  readonly #rules = new Map<ActiveRule, InstalledRule>();
  readonly #partitions = new Map<ActivePartition, Partition>();
  readonly #links = new LinkTable({ rules: this.#rules, partitions: this.#partitions });
  readonly #pending: Pending<T>;
  readonly #rulesPrng: Prng;
  readonly #onChange: () => void;
  readonly #onDrop: (frame: Frame<T>, isCopy: boolean, reason: DropReason) => void;
  #rulesInstalled = 0;
  #sequence = 0;
  #nowMs = Number.NEGATIVE_INFINITY;

  /** Throws `RAFT_INVALID_OPTION` for a number out of range and for an id that is there twice. */
  constructor(options: NetworkOptions<T>) {
    const { seed, bounds } = checkNetworkOptions(options);
    this.#rulesPrng = new Prng(seed).fork('rules');
    this.#onChange = options.onChange ?? (() => {});
    this.#onDrop = options.onDrop ?? (() => {});
    this.#pending = new Pending(bounds);
    for (const id of options.nodes) this.#links.addEnd(id, 'nodes');
    for (const id of options.clients ?? []) this.#links.addEnd(id, 'clients');
  }

  /**
   * Takes a frame in at `nowMs` and decides what happens to it. Time never goes back: an earlier
   * `nowMs` counts as the latest one seen. A frame from or to an end that is not there is dropped.
   * If a rule's `content` function throws, so does this, and the frame was not taken.
   */
  submit(frame: Frame<T>, nowMs: number): Verdict {
    this.#advance(nowMs);
    if (!(frame.byteLength >= 0)) {
      throw invalidOption('frame.byteLength', `is ${show(frame.byteLength)}; expected bytes >= 0`);
    }
    const link = this.#links.of(frame.source, frame.destination);
    if (link === undefined) {
      this.#links.retired.submitted += 1;
      return this.#drop(this.#links.retired, frame, { reason: 'discard' });
    }
    if (link.rules.length === 0 && link.cut === undefined) {
      link.counters.submitted += 1;
      return this.#place(link, frame, untouched);
    }
    const takers = takersOf(frame, link.rules);
    link.counters.submitted += 1;
    const verdict = this.#judge(link, frame, takers);
    if (takers.some(({ rule }) => isSpent(rule))) this.#changed();
    return verdict;
  }

  /** Takes out what has arrived by `nowMs`, in the order of arrival. */
  due(nowMs: number): Delivery<T>[] {
    this.#advance(nowMs);
    const deliveries: Delivery<T>[] = [];
    for (;;) {
      const frame = this.#pending.takeDue(this.#nowMs);
      if (frame === undefined) return deliveries;
      frame.link.counters.delivered += 1;
      deliveries.push(frame);
    }
  }

  /** When to call `due` next; `undefined` if nothing has a time. It may be past. */
  nextDueMs(): number | undefined {
    return this.#pending.nextDueMs;
  }

  /**
   * Installs a rule, behind those that are there. Throws `RAFT_INVALID_OPTION`, or
   * `RAFT_UNKNOWN_NODE` for an end that is not there; then nothing has changed.
   */
  install(rule: Rule): InstalledRule {
    const active = this.#activate(rule);
    const handle = new RuleHandle(active, {
      isInstalled: () => this.#rules.has(active),
      release: (deliver) => {
        this.#deactivate(active, deliver);
        this.#changed();
      },
    });
    this.#rules.set(active, handle);
    this.#changed();
    return handle;
  }

  /**
   * Makes links lossy, slow, …: installs one rule for each option that is given. The handle takes
   * away all of them. Throws as `install` does.
   *
   * @example
   * using storm = network.link({ between: { from: 'n1' }, lossRate: 0.1, delayMs: 20 });
   */
  link(options: LinkOptions): Installed {
    const rules = linkRules(options);
    for (const rule of rules) checkRule(rule, this.#links);
    const handles = rules.map((rule) => this.install(rule));
    return new Handle({
      isInstalled: () => handles.some((handle) => handle.isInstalled),
      release: (deliver) => {
        for (const handle of handles) handle.release({ deliver });
      },
    });
  }

  /**
   * Cuts links; `partition.ts` has the shapes. A link is cut while at least one partition cuts it;
   * if one of those drops, its frames are dropped, else held.
   *
   * Releasing a partition that holds lets go of every frame that any partition holds on its links:
   * others that cut the same link are not asked (chistributed 6.2). Throws `RAFT_UNKNOWN_NODE`, and
   * `RAFT_INVALID_OPTION` for a link from an end to itself.
   */
  partition(links: readonly Link[], options: PartitionOptions = {}): Partition {
    const { mode = 'drop', name = 'partition' } = options;
    if (mode !== 'drop' && mode !== 'hold') {
      throw invalidOption('partition.mode', `is ${show(mode)}; expected 'drop' or 'hold'`);
    }
    const covers = checkLinks('partition.links', links, this.#links);
    const active = { name, mode, links: [...links], covers };
    const isCut = ({ link }: PendingFrame<T>): boolean => covers(link.source, link.destination);
    const handle = new PartitionHandle(active, {
      isInstalled: () => this.#partitions.has(active),
      release: (deliver) => {
        this.#partitions.delete(active);
        const isLetGo = (frame: PendingFrame<T>) => frame.heldBy === 'partition' && isCut(frame);
        if (mode === 'hold') this.#letGo(isLetGo, deliver);
        this.#changed();
      },
    });
    this.#partitions.set(active, handle);
    if (mode === 'drop') this.#dropAll(this.#pending.removeScheduled(isCut), 'partition');
    else this.#catch(isCut);
    this.#changed();
    return handle;
  }

  /**
   * Removes all rules and partitions. What is held is delivered, unless told otherwise, and what is
   * delayed is due at once, all of it in the order in which it was submitted.
   */
  heal(options: ReleaseOptions = {}): void {
    this.#rules.clear();
    this.#partitions.clear();
    this.#pending.endDelays('all');
    this.#letGo(() => true, options.deliver ?? true);
    this.#changed();
  }

  /** The rules that are installed, in their order. */
  get rules(): readonly InstalledRule[] {
    return [...this.#rules.values()];
  }

  /** The partitions that are installed, in their order. */
  get partitions(): readonly Partition[] {
    return [...this.#partitions.values()];
  }

  /** What is held, oldest first. */
  held(): HeldFrame<T>[] {
    return this.#pending.held.map(({ frame, submittedMs, heldBy }) => ({
      frame,
      submittedMs,
      ...(heldBy === undefined || heldBy === 'partition' ? {} : { rule: heldBy.number }),
    }));
  }

  /** How many frames of a link have a time, and how many are held. */
  pending(source: string, destination: string): { scheduled: number; held: number } {
    const { scheduled, held } = this.#links.of(source, destination) ?? { scheduled: 0, held: 0 };
    return { scheduled, held };
  }

  /**
   * Whether frames of this link need not come here: no rule acts on it, no partition cuts it, and
   * nothing of it waits. (A frame that went around the network would overtake those that wait.) A
   * rule that has reached its `limit` acts no more.
   */
  isClean(source: string, destination: string): boolean {
    const link = this.#links.of(source, destination);
    if (link === undefined) return true;
    const isIdle = link.scheduled === 0 && link.held === 0;
    return isIdle && link.cut === undefined && link.rules.length === 0;
  }

  /** Every link between two nodes, or between a node and a client. */
  links(): Iterable<Link> {
    return this.#links.all();
  }

  /** The clean ones among all links. */
  cleanLinks(): Link[] {
    const all = [...this.links()];
    return all.filter(({ source, destination }) => this.isClean(source, destination));
  }

  /** A copy of the counters of one link. */
  counters(source: string, destination: string): LinkCounters {
    const sum = createCounters();
    const link = this.#links.of(source, destination);
    if (link !== undefined) addCounters(sum, link.counters);
    return sum;
  }

  /** The sum over all links, those of removed ends included. */
  totals(): LinkCounters {
    const sum = createCounters();
    addCounters(sum, this.#links.retired);
    for (const { counters } of this.#links.known()) addCounters(sum, counters);
    return sum;
  }

  /** Adds a node or a client. Throws `RAFT_INVALID_OPTION` if the id is taken. */
  addEnd(id: string, group: 'nodes' | 'clients'): void {
    this.#links.addEnd(id, group);
    this.#changed();
  }

  /**
   * Removes a node or a client with all that waits from and to it. No effect if it is not there.
   */
  removeEnd(id: string): void {
    this.discard(({ source, destination }) => source === id || destination === id);
    if (this.#links.removeEnd(id)) this.#changed();
  }

  /** Drops all that waits and matches, as for a node that died. Returns how many frames it were. */
  discard(isDiscarded: (frame: Frame<T>) => boolean): number {
    const matches = ({ frame }: PendingFrame<T>): boolean => isDiscarded(frame);
    const scheduled = this.#pending.removeScheduled(matches);
    const held = this.#pending.removeHeld(matches);
    this.#dropAll([...scheduled, ...held], 'discard');
    if (scheduled.length + held.length > 0) this.#changed();
    return scheduled.length + held.length;
  }

  #advance(nowMs: number): void {
    if (!Number.isFinite(nowMs)) throw invalidOption('nowMs', `is ${show(nowMs)}; expected ms`);
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
  }

  #judge(link: LinkState, frame: Frame<T>, takers: readonly Taker[]): Verdict {
    const loser = loserOf(takers);
    const copies = copiesOf(takers);
    if (link.cut === 'drop') return this.#drop(link.counters, frame, { reason: 'partition' });
    if (loser !== undefined) {
      return this.#drop(link.counters, frame, { reason: 'loss', rule: loser });
    }
    const verdict = this.#place(link, frame, fateOf(frame, takers, this.#nowMs), { copies });
    for (let copy = 0; copy < copies; copy++) {
      link.counters.duplicated += 1;
      this.#place(link, frame, fateOf(frame, takers, this.#nowMs), { isCopy: true });
    }
    return verdict;
  }

  #place(
    link: LinkState,
    frame: Frame<T>,
    fate: Fate,
    { copies = 0, isCopy = false }: { copies?: number; isCopy?: boolean } = {},
  ): Verdict {
    const { delays, isReordered, corruption, throttledAwayBy: rule } = fate;
    const { counters } = link;
    if (rule !== undefined) {
      return this.#drop(counters, frame, { reason: 'throttle', rule, copies, isCopy });
    }
    const heldBy = link.cut === 'hold' ? 'partition' : fate.heldBy;
    const pending: PendingFrame<T> = {
      frame,
      submittedMs: this.#nowMs,
      dueMs: this.#nowMs,
      isCopy,
      ...(corruption === undefined ? {} : { corruption }),
      link,
      sequence: this.#sequence++,
      isReordered,
      delays,
      heldBy,
    };
    if (!this.#pending.enter(pending, this.#nowMs)) {
      return this.#drop(counters, frame, { reason: 'overflow', copies, isCopy });
    }
    const isCorrupted = corruption !== undefined;
    if (isReordered) counters.reordered += 1;
    if (isCorrupted) counters.corrupted += 1;
    if (fate.isThrottled) counters.throttled += 1;
    const seen = { copies, isReordered, isCorrupted };
    if (heldBy !== undefined) {
      counters.held += 1;
      const by = heldBy === 'partition' ? {} : { rule: heldBy.number };
      return { outcome: 'held', ...by, ...seen };
    }
    const { dueMs } = pending;
    if (dueMs > this.#nowMs) {
      counters.delayed += 1;
      return { outcome: 'delayed', dueMs, ...seen };
    }
    counters.passed += 1;
    return { outcome: 'passed', ...seen };
  }

  #activate(rule: Rule): ActiveRule {
    const checked = checkRule(rule, this.#links);
    this.#rulesInstalled += 1;
    return activate(checked, this.#rulesInstalled, this.#rulesPrng);
  }

  #deactivate(rule: ActiveRule, deliver: boolean): void {
    this.#rules.delete(rule);
    this.#pending.endDelays(rule);
    this.#letGo((frame) => frame.heldBy === rule, deliver);
  }

  #letGo(isLetGo: (frame: PendingFrame<T>) => boolean, deliver: boolean): void {
    if (deliver) this.#pending.release(isLetGo);
    else this.#dropAll(this.#pending.removeHeld(isLetGo), 'discard');
  }

  #catch(isCaught: (frame: PendingFrame<T>) => boolean): void {
    const { caught, refused } = this.#pending.catch(isCaught);
    for (const { link } of caught) link.counters.held += 1;
    this.#dropAll(refused, 'overflow');
  }

  #drop(counters: LinkCounters, frame: Frame<T>, drop: Drop): Verdict {
    const { reason, rule, copies = 0, isCopy = false } = drop;
    countDrop(counters, reason);
    this.#onDrop(frame, isCopy, reason);
    const by = rule === undefined ? {} : { rule: rule.number };
    return { outcome: 'dropped', reason, ...by, copies, isReordered: false, isCorrupted: false };
  }

  #dropAll(frames: readonly PendingFrame<T>[], reason: DropReason): void {
    for (const { link, frame, isCopy } of frames) {
      countDrop(link.counters, reason);
      this.#onDrop(frame, isCopy, reason);
    }
  }

  #changed(): void {
    this.#links.invalidate();
    this.#onChange();
  }
}

/** What is known of a frame that is dropped. */
interface Drop {
  readonly reason: DropReason;
  readonly rule?: ActiveRule;
  readonly copies?: number;
  readonly isCopy?: boolean;
}
