/**
 * What installing a fault gives: a handle to take it away again.
 */

import type { Link } from './link.js';
import type { ActiveRule } from './verdict.js';

/** What happens to held frames when they are let go. */
export interface ReleaseOptions {
  /** Default: true; false drops them, counted as `discard`. */
  readonly deliver?: boolean;
}

/** A fault that can be taken away. Disposing is releasing with delivery. Both may be repeated. */
export interface Installed extends Disposable {
  readonly isInstalled: boolean;
  release(options?: ReleaseOptions): void;
}

/** A rule in the network. */
export interface InstalledRule extends Installed {
  /** 1, 2, …, by installation; what verdicts name. */
  readonly number: number;
  readonly name: string;
  /** Frames that matched so far, those that `skip` and `limit` left alone included. */
  readonly matched: number;
}

/** How a partition treats frames on links that it cuts: 'drop' loses them, 'hold' keeps them. */
export type PartitionMode = 'drop' | 'hold';

/** How a partition is installed. */
export interface PartitionOptions {
  /** Default: 'drop'. */
  readonly mode?: PartitionMode;
  /** What it is called in lists; need not be unique. Default: 'partition'. */
  readonly name?: string;
}

/** Links that are cut. */
export interface Partition extends Installed {
  readonly name: string;
  readonly mode: PartitionMode;
  readonly links: readonly Link[];
}

/** What a handle asks of the network. */
export interface Grip {
  isInstalled(): boolean;
  release(deliver: boolean): void;
}

/** The handle of one fault, or of several that go together. */
export class Handle implements Installed {
  readonly #grip: Grip;

  constructor(grip: Grip) {
    this.#grip = grip;
  }

  get isInstalled(): boolean {
    return this.#grip.isInstalled();
  }

  release(options: ReleaseOptions = {}): void {
    if (this.isInstalled) this.#grip.release(options.deliver ?? true);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The handle of a rule. */
export class RuleHandle extends Handle implements InstalledRule {
  readonly #rule: ActiveRule;

  constructor(rule: ActiveRule, grip: Grip) {
    super(grip);
    this.#rule = rule;
  }

  get number(): number {
    return this.#rule.number;
  }

  get name(): string {
    return this.#rule.name;
  }

  get matched(): number {
    return this.#rule.matched;
  }
}

/** A partition while it is installed. */
export interface ActivePartition {
  readonly name: string;
  readonly mode: PartitionMode;
  readonly links: readonly Link[];
  covers(source: string, destination: string): boolean;
}

/** The handle of a partition. */
export class PartitionHandle extends Handle implements Partition {
  readonly name: string;
  readonly mode: PartitionMode;
  readonly links: readonly Link[];

  constructor(partition: ActivePartition, grip: Grip) {
    super(grip);
    this.name = partition.name;
    this.mode = partition.mode;
    this.links = partition.links;
  }
}
