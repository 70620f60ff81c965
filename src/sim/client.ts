/**
 * A client of the simulator: the real one of the store, under virtual time, and the processes that
 * make their planned calls through it.
 */

import type { ActorId } from '../actor/space.js';
import type { HistoryEvent } from '../chaos/event.js';
import type { Json } from '../chaos/json.js';
import { isRaftError } from '../errors.js';
import type { Prng } from '../prng.js';
import { Client } from '../store/client.js';
import type { ClientOptions } from '../store/client-options.js';
import type { CasResult, DeleteResult, ReadOptions, SetResult, Value } from '../store/store.js';
import { Inbox, type SimFrame } from './inbox.js';
import type { PlannedOperation } from './scenario.js';
import type { VirtualTime } from './virtual-time.js';
import type { End, Wiring } from './wire.js';

export interface SimClientOptions {
  readonly self: End;
  readonly nodes: readonly End[];
  readonly options: ClientOptions;
  readonly time: VirtualTime;
  readonly wiring: Wiring;
  readonly prng: Prng;
  /** Something was done that promises may have to be told of. */
  readonly stirred: () => void;
}

const wakeMsMax = 0.1;

export class SimClient {
  readonly store: Client;
  readonly #options: SimClientOptions;
  readonly #inbox = new Inbox();
  #isWoken = false;
  #isStalled = false;
  readonly #waiting: (() => void)[] = [];
  #tickEnds: (() => void)[] = [];

  constructor(options: SimClientOptions) {
    const { self, nodes, wiring, time, stirred } = options;
    this.#options = options;
    this.store = new Client({
      room: {
        id: self.actor,
        space: wiring,
        mailbox: this.#inbox,
        link: (peer: ActorId) => wiring.wire(self.actor, peer),
      },
      nodes: nodes.map(({ id, actor }) => ({ id, actor })),
      options: options.options,
      clock: {
        nowMs: () => time.nowMs(),
        setTimer: (delayMs, callback) => time.setTimer(delayMs, () => this.do(callback)),
      },
      whenTickEnds: (callback) => {
        this.#tickEnds.push(callback);
        stirred();
      },
      leave: () => {},
    });
  }

  receive(frame: SimFrame): void {
    this.#inbox.put(frame);
    if (this.#isWoken) return;
    this.#isWoken = true;
    const { time, prng } = this.#options;
    time.setTimer(wakeMsMax * prng.next(), () => {
      this.do(() => {
        this.#isWoken = false;
        this.store.turn();
      });
    });
  }

  /** A node has died, and the supervisor has told so. */
  peerDown(): void {
    this.do(() => this.store.peerDown());
  }

  /** The thread of the client does nothing any more, as in a long collection of garbage. */
  stall(): void {
    this.#isStalled = true;
  }

  /** It goes on, and does what has waited. */
  resume(): void {
    this.#isStalled = false;
    for (const deed of this.#waiting.splice(0)) this.do(deed);
  }

  /** Ends the tick: what was called in it goes out. False if nothing was. */
  endTick(): boolean {
    const callbacks = this.#tickEnds;
    if (callbacks.length === 0) return false;
    this.#tickEnds = [];
    for (const callback of callbacks) callback();
    return true;
  }

  /** Runs what the thread of the client has to do, when it can. */
  do(deed: () => void): void {
    if (this.#isStalled) {
      this.#waiting.push(deed);
      return;
    }
    this.#options.stirred();
    deed();
  }
}

/** What the processes of a run share. */
export interface ProcessesOptions {
  readonly time: VirtualTime;
  /** Takes the next number of a process that nobody has used. */
  readonly nextProcess: () => number;
  readonly record: (event: HistoryEvent) => void;
  /** A write was acknowledged with this index. */
  readonly acknowledged: (index: number) => void;
  /** No new call begins after this time. */
  readonly untilMs: number;
}

/** One call after the other, by plan. */
export class Process {
  readonly #client: SimClient;
  readonly #options: ProcessesOptions;
  readonly #plan: readonly PlannedOperation[];
  /** The value of each key as it was seen last: what a cas expects. */
  readonly #seen = new Map<string, Json>();
  #number: number;
  #next = 0;
  #isBusy = false;

  constructor(client: SimClient, plan: readonly PlannedOperation[], options: ProcessesOptions) {
    this.#client = client;
    this.#plan = plan;
    this.#options = options;
    this.#number = options.nextProcess();
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Sets the timer for the next call. */
  goOn(): void {
    const operation = this.#plan[this.#next];
    const { time, untilMs } = this.#options;
    if (operation === undefined || operation.at >= untilMs) return;
    this.#next += 1;
    const delayMs = Math.max(0, operation.at - time.nowMs());
    time.setTimer(delayMs, () => {
      this.#client.do(() => {
        if (time.nowMs() < untilMs) this.call(operation);
      });
    });
  }

  call(operation: PlannedOperation): void {
    const { op, key, value = null, node, consistency } = operation;
    const options: ReadOptions = {
      ...(node === undefined ? {} : { node }),
      ...(consistency === undefined ? {} : { consistency }),
    };
    const { store } = this.#client;
    this.#isBusy = true;
    switch (op) {
      case 'get':
        this.#record(operation, 'invoke');
        this.#settle(operation, store.get(key, options), (found: Value | undefined) => {
          const value = (found ?? null) as Json;
          this.#seen.set(key, value);
          this.#record(operation, 'ok', { value });
        });
        return;
      case 'set':
        this.#record(operation, 'invoke', { value });
        this.#settle(operation, store.set(key, value, options), ({ index }: SetResult) => {
          this.#seen.set(key, value);
          this.#acknowledge(operation, index, { value });
        });
        return;
      case 'delete':
        this.#record(operation, 'invoke');
        this.#settle(operation, store.delete(key, options), (result: DeleteResult) => {
          this.#seen.delete(key);
          this.#acknowledge(operation, result.index, { value: result.existed });
        });
        return;
      case 'cas': {
        const expected = this.#seen.get(key) ?? null;
        const swap = { expected, value };
        this.#record(operation, 'invoke', swap);
        this.#settle(
          operation,
          store.cas(key, expected ?? undefined, value, options),
          (result: CasResult) => {
            if (result.succeeded) {
              this.#seen.set(key, value);
              this.#acknowledge(operation, result.index, swap);
            } else {
              this.#seen.delete(key);
              this.#record(operation, 'fail', { ...swap, error: 'precondition' });
            }
          },
        );
        return;
      }
    }
  }

  #settle<T>(operation: PlannedOperation, call: Promise<T>, done: (result: T) => void): void {
    const end = (): void => {
      this.#isBusy = false;
      this.goOn();
    };
    call.then(
      (result) => {
        done(result);
        end();
      },
      (error: unknown) => {
        const isUnknown = !isRaftError(error) || error.details.outcome !== 'rejected';
        this.#record(operation, isUnknown ? 'info' : 'fail', { error: codeOf(error) });
        // A process that does not know what became of its call does nothing more.
        if (isUnknown) this.#number = this.#options.nextProcess();
        end();
      },
    );
  }

  #acknowledge(operation: PlannedOperation, index: number, fields: Partial<HistoryEvent>): void {
    this.#options.acknowledged(index);
    this.#record(operation, 'ok', fields);
  }

  #record(
    { op, key }: PlannedOperation,
    type: HistoryEvent['type'],
    fields: Partial<HistoryEvent> = {},
  ): void {
    const time = Math.round(this.#options.time.nowMs() * 1e6);
    this.#options.record({ process: this.#number, type, op, key, ...fields, time });
  }
}

function codeOf(error: unknown): string {
  if (isRaftError(error)) return error.code;
  return error instanceof Error ? error.message : String(error);
}
