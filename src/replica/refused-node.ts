/**
 * A node whose storage failed, or the machine that its user brought: it neither votes nor serves.
 * It says so and waits to be ended, for to be started again on a directory that forgot something
 * would be worse than to be down.
 */
import type { ActorContext, Behavior } from '../actor/context.js';
import { actorRef } from '../actor/ref.js';
import { supervisorId } from '../actor/space.js';
import { type ErrorRecord, packError } from '../errors.js';
import type { ReplicaRecord } from './boot.js';

/** What such a node tells its supervisor. */
export interface StorageNotice {
  readonly kind: 'storage';
  readonly nodeId: string;
  readonly incarnation: number;
  readonly error: ErrorRecord;
}

type Identified = Pick<ReplicaRecord, 'self'>;

type StorageHandlers = { readonly storage: (notice: StorageNotice) => void };

/** The error for the supervisor: without its stack, which says nothing about the disk. */
export function packRefusal(error: unknown): ErrorRecord {
  const { stack: _, cause: __, ...record } = packError(error);
  return record;
}

export class RefusedNode implements Behavior {
  readonly #context: ActorContext<Identified>;
  readonly control: Record<string, (...args: never[]) => unknown>;

  constructor(context: ActorContext<Identified>, error: ErrorRecord) {
    this.#context = context;
    this.control = { refusal: () => error };
    const nodeId = context.data.self.id;
    const { incarnation } = context;
    const notice: StorageNotice = { kind: 'storage', nodeId, incarnation, error };
    context.tell(actorRef<StorageHandlers>(supervisorId), notice);
  }

  /** Mail for a node that does not serve is not read. */
  turn(): boolean {
    const frames = this.#context.mailbox.drain(() => {});
    this.#context.mailbox.release();
    return frames > 0;
  }
}
