/**
 * The supervisor's side of its guests: who is there, how they are called, when they are gone.
 */
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Clock } from '../clock.js';
import type { ActorRecord } from './context.js';
import { ControlClient, stopped } from './control.js';
import { type GuestPort, guestLeft } from './guest.js';
import type { DownNotice } from './monitor.js';
import type { ActorId } from './space.js';

export interface DoorsOptions {
  readonly clock: Clock;
  /** A guest is about to be told to leave. */
  onClosing(actor: ActorId): void;
  /** A guest has left, or its thread has died. */
  onEnd(notice: DownNotice): void;
}

export class Doors {
  readonly #options: DoorsOptions;
  readonly #clients = new Map<ActorId, ControlClient>();
  readonly #ports = new Map<ActorId, MessagePort>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#clients.size;
  }

  client(actor: ActorId): ControlClient | undefined {
    return this.#clients.get(actor);
  }

  open(record: ActorRecord): GuestPort {
    const { port1, port2 } = new MessageChannel();
    this.#ports.set(record.id, port1);
    this.#clients.set(
      record.id,
      new ControlClient(port1, `guest ${record.id}`, this.#options.clock),
    );
    this.#watch(port1, record);
    port1.unref();
    return { ...record, control: port2 };
  }

  /** Resolves when all guests have been told. */
  async close(): Promise<void> {
    const closed = [...this.#ports.values()].map((port) => once(port, 'close'));
    for (const [actor, client] of this.#clients) {
      this.#options.onClosing(actor);
      client.close(stopped(`guest ${actor}`));
    }
    await Promise.all(closed);
  }

  #watch(port: MessagePort, { id: actor, incarnation }: ActorRecord): void {
    let hasLeft = false;
    port.on('message', (message: unknown) => {
      if (message === guestLeft) hasLeft = true;
    });
    port.once('close', () => {
      this.#clients.delete(actor);
      this.#ports.delete(actor);
      const reason = hasLeft ? 'normal' : 'crashed';
      this.#options.onEnd({ kind: 'down', actor, incarnation, reason });
    });
  }
}
