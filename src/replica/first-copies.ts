/**
 * Tells a request from the copies that a network made of it: of each, one is taken in.
 *
 * A refusal says that a write was surely not done. Were two copies of a request taken in, one could
 * be refused, and the other, before or after it, become part of the log. Ids ascend in each life of
 * a sender, and what arrives is kept in a sliding window, as RFC 4303 (§3.4.3) has it against
 * replays. What comes so late that nobody can tell is passed over as well: whoever sent it hears
 * nothing, and knows that it may have been done or not.
 */
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';

/** Ids that a request may be behind the newest of its sender: a power of two. */
const windowIds = 4_096;
/** Ids go from 1 to here, and begin again. */
const idsEnd = 2 ** 31;

interface Window {
  readonly incarnation: number;
  newest: number;
  /** A bit for each of the last `windowIds` ids. */
  readonly bits: Int32Array;
}

export class FirstCopies {
  readonly #windows = new Map<ActorId, Window>();

  /** Whether no copy of this request was here before. Id 0 names none: it is always new. */
  isFirst({ source, sourceIncarnation, correlationId: id }: Frame): boolean {
    if (id === 0) return true;
    let window = this.#windows.get(source);
    if (window?.incarnation !== sourceIncarnation) {
      window = { incarnation: sourceIncarnation, newest: id, bits: new Int32Array(windowIds / 32) };
      this.#windows.set(source, window);
    }
    const ahead = distance(window.newest, id);
    if (ahead <= -windowIds) return false;
    if (ahead > 0) advance(window, ahead, id);
    const at = id & (windowIds - 1);
    const word = window.bits[at >> 5] ?? 0;
    const bit = 1 << (at & 31);
    window.bits[at >> 5] = word | bit;
    return (word & bit) === 0;
  }

  /** The sender is gone for good. */
  forget(source: ActorId): void {
    this.#windows.delete(source);
  }
}

/** How far `id` is ahead of `newest`; negative if it is behind. */
function distance(newest: number, id: number): number {
  const ahead = (id - newest) & (idsEnd - 1);
  return ahead < idsEnd / 2 ? ahead : ahead - idsEnd;
}

/** Ids between the newest of before and `id` have not been here. */
function advance(window: Window, ahead: number, id: number): void {
  if (ahead >= windowIds) window.bits.fill(0);
  else {
    for (let next = window.newest + 1; next <= window.newest + ahead; next += 1) {
      const at = next & (windowIds - 1);
      window.bits[at >> 5] = (window.bits[at >> 5] ?? 0) & ~(1 << (at & 31));
    }
  }
  window.newest = id;
}
