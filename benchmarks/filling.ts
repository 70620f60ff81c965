/** Writes keys in turn, many in a call: to have something there, as fast as that can be had. */
import type { Store } from '../src/store/store.js';

export interface FillOptions {
  /** `key0`, `key1`, …, over and over. */
  readonly keys: number;
  readonly valueBytes: number;
  /** Whether that is enough; asked before each call with the writes that were made. */
  readonly isEnough: (writes: number) => boolean;
  /** What one call writes, about. Default 128 KiB. */
  readonly callBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each call that was acknowledged. */
  readonly onWritten?: (writes: number) => void;
}

/** What a command has around its value, about. */
const commandBytes = 24;
const callsUnderWay = 8;

/** Resolves to the writes that were made. Rejects as a write does, and with the signal's reason. */
export async function fill(store: Pick<Store, 'setMany'>, options: FillOptions): Promise<number> {
  const { keys, valueBytes, callBytes = 2 ** 17, isEnough, signal, onWritten } = options;
  const together = Math.min(keys, Math.max(1, Math.floor(callBytes / (valueBytes + commandBytes))));
  const value = Buffer.alloc(valueBytes, 'a');
  let writes = 0;
  const writer = async (): Promise<void> => {
    while (!isEnough(writes)) {
      signal?.throwIfAborted();
      const first = writes;
      writes += together;
      const pairs = Array.from(
        { length: together },
        (_, at) => [`key${(first + at) % keys}`, value] as const,
      );
      await store.setMany(pairs);
      onWritten?.(writes);
    }
  };
  await Promise.all(Array.from({ length: callsUnderWay }, writer));
  return writes;
}
