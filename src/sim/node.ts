/**
 * A node of the simulator: what `replica/node.ts` is on a thread, under virtual time. Mail first,
 * time second, then one flush; and between two turns of it anything may happen.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Prng } from '../prng.js';
import {
  type BootedReplica,
  bootReplica,
  type ReplicaRecord,
  TickCounter,
} from '../replica/boot.js';
import { isStorageFailure } from '../replica/node-storage.js';
import type { Storage } from '../storage/storage.js';
import type { Disk } from './disk.js';
import { Inbox, type SimFrame } from './inbox.js';
import type { LocalClock } from './local-clock.js';
import type { VirtualTime } from './virtual-time.js';
import type { Wiring } from './wire.js';

export interface SimNodeOptions {
  readonly record: ReplicaRecord;
  readonly tickMs: number;
  readonly time: VirtualTime;
  readonly wiring: Wiring;
  readonly disk: Disk;
  readonly clock: LocalClock;
  /** Draws how long it takes until a node that was woken runs. */
  readonly prng: Prng;
  readonly clients: readonly ActorId[];
  /** Called after every turn, when all that the turn has to show is there. */
  readonly turned: (node: SimNode) => void;
  /** Its storage let it down, and it has stopped: it may be started again. */
  readonly refused: (node: SimNode, error: unknown) => void;
  /** The node threw: on a thread its actor would have died. */
  readonly failed: (node: SimNode, error: unknown) => void;
}

/** How long a thread that was woken may take to run, in ms. */
const wakeMsMax = 0.1;

export class SimNode {
  readonly id: string;
  readonly actor: ActorId;
  readonly disk: Disk;
  readonly clock: LocalClock;
  /** How often it was started. */
  incarnation = 0;
  isPaused = false;
  /** Down because of its storage, as it was when the node was last started. */
  isRefused = false;
  readonly #options: SimNodeOptions;
  readonly #inbox = new Inbox();
  #booted: BootedReplica | undefined;
  #storage: Storage | undefined;
  #ticks: TickCounter | undefined;
  #isWoken = false;
  /** Its disk keeps it waiting until then. */
  #stalledUntilMs = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.id = options.record.self.id;
    this.actor = options.record.self.actor;
    this.disk = options.disk;
    this.clock = options.clock;
  }

  /** What runs; `undefined` while the node is down. */
  get life(): BootedReplica | undefined {
    return this.#booted;
  }

  get isUp(): boolean {
    return this.#booted !== undefined;
  }

  /** The storage of the life of now, or of the last one. */
  get storage(): Storage | undefined {
    return this.#storage;
  }

  /** Frames read since the beginning. */
  get frames(): number {
    return this.#inbox.frames;
  }

  start(): void {
    if (this.#booted !== undefined) return;
    const { record, wiring, disk, clients, tickMs } = this.#options;
    this.isRefused = false;
    this.incarnation += 1;
    const { incarnation } = this;
    wiring.setIncarnation(this.actor, incarnation);
    this.#ticks = new TickCounter(tickMs, this.clock.nowMs());
    this.#guard(() => {
      const storage = disk.open();
      this.#storage = storage;
      this.#booted = bootReplica(record, {
        incarnation,
        storage,
        exchange: {
          channel: (to) => wiring.wire(this.actor, to),
          hold: (source) => this.#inbox.hold(source),
          unhold: (source) => {
            this.#inbox.unhold(source);
            this.wake();
          },
        },
        clients,
        onLeadership: () => {},
        onDurable: () => this.wake(),
      });
    });
    this.#scheduleTick(incarnation);
    this.wake();
  }

  crash(): void {
    if (this.#booted !== undefined) this.#die();
  }

  #die(): void {
    this.#booted = undefined;
    this.isPaused = false;
    this.#stalledUntilMs = 0;
    this.#options.wiring.setIncarnation(this.actor, 0);
    this.#inbox.clear();
    this.disk.crash();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.wake();
  }

  receive(frame: SimFrame): void {
    this.#inbox.put(frame);
    this.wake();
  }

  /** Has the node run soon. */
  wake(): void {
    if (this.#isWoken || this.isPaused || this.#booted === undefined) return;
    this.#isWoken = true;
    const { time, prng } = this.#options;
    time.setTimer(wakeMsMax * prng.next(), this.#wokenTurn);
  }

  /** Does something with the running node, which throws when it breaks. */
  act(deed: (life: BootedReplica) => void): void {
    const booted = this.#booted;
    if (booted === undefined || this.isStalled) return;
    this.#guard(() => deed(booted));
    this.wake();
  }

  readonly #wokenTurn = (): void => {
    this.#isWoken = false;
    this.#turn();
  };

  #turn(): void {
    const booted = this.#booted;
    if (this.isPaused || this.isStalled || booted === undefined) return;
    this.#guard(() => this.#run(booted));
  }

  #run({ replica }: BootedReplica): void {
    this.#inbox.drain(replica.receive as (frame: Frame) => void);
    const elapsedTicks = this.#ticks?.take(this.clock.nowMs()) ?? 0;
    if (elapsedTicks > 0) replica.tick(elapsedTicks);
    const hasMore = replica.flush();
    this.#options.turned(this);
    if (hasMore) this.wake();
  }

  #scheduleTick(incarnation: number): void {
    const { time, tickMs } = this.#options;
    time.setTimer(this.clock.trueMs(tickMs), () => {
      if (this.incarnation !== incarnation || this.#booted === undefined) return;
      this.#turn();
      this.#scheduleTick(incarnation);
    });
  }

  #guard(deed: () => void): void {
    try {
      deed();
    } catch (error) {
      if (!isStorageFailure(error) || !this.disk.mayRefuse(error)) {
        this.#options.failed(this, error);
        return;
      }
      this.#refuse(error);
    }
    this.#stall(this.disk.takeStalledMs());
  }

  /** As on a thread: whoever waits is told that the outcome is open, and nobody more. */
  #refuse(error: unknown): void {
    if (!this.disk.isPowerless) {
      this.isRefused = true;
      this.#booted?.replica.close();
    }
    this.#die();
    this.#options.refused(this, error);
  }

  /** Whether it waits for its disk, and does nothing else. */
  get isStalled(): boolean {
    return this.#options.time.nowMs() < this.#stalledUntilMs;
  }

  /** A thread that waits for its disk does nothing else. */
  #stall(ms: number): void {
    if (ms === 0 || this.#booted === undefined) return;
    const { time } = this.#options;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, time.nowMs()) + ms;
    time.setTimer(this.#stalledUntilMs - time.nowMs(), () => this.wake());
  }
}
