/** A store of one map that is right, or wrong in one way. */
import { RaftError } from '../../src/errors.js';
import type { Prng } from '../../src/prng.js';
import type { Store, Value } from '../../src/store/store.js';
import type { HurriedClock } from './hurried-clock.js';

export const defects = [
  'stale read',
  'lost update',
  'dirty cas',
  'duplicate apply',
  'ghost of a refused write',
] as const;
export type Defect = (typeof defects)[number];

export interface FaultyStoreOptions {
  readonly clock: HurriedClock;
  readonly prng: Prng;
  /** Shows now and then. Default: none. */
  readonly defect?: Defect | undefined;
  /** How often a write ends as unknown, done or not. */
  readonly unknownRate?: number;
}

export function faultyStore({
  clock,
  prng,
  defect,
  unknownRate = 0.05,
}: FaultyStoreOptions): Store {
  const values = new Map<string, Value>();
  const formers = new Map<string, Value>();
  const shows = (name: Defect): boolean => prng.chance(0.05) && name === defect;
  const write = (key: string, value: Value): void => {
    formers.set(key, values.get(key));
    if (shows('lost update')) return;
    if (value === undefined) values.delete(key);
    else values.set(key, value);
    if (!shows('duplicate apply')) return;
    void clock.after(20).then(() => values.set(key, value));
  };
  /** Before and after the moment at which a call takes effect. */
  const around = async <T>(effect: () => T): Promise<T> => {
    await clock.after(prng.next() * 5);
    const isUnknown = prng.chance(unknownRate);
    if (isUnknown && prng.chance(0.5)) throw failed('unknown');
    if (prng.chance(0.05)) {
      if (shows('ghost of a refused write') || (defect?.startsWith('ghost') && prng.chance(0.5))) {
        effect();
      }
      throw failed('rejected');
    }
    const result = effect();
    await clock.after(prng.next() * 5);
    if (isUnknown) throw failed('unknown');
    return result;
  };
  const store: Pick<Store, 'get' | 'set' | 'delete' | 'cas'> = {
    get: (key) => around(() => (shows('stale read') ? formers.get(key) : values.get(key))),
    set: (key, value) =>
      around(() => {
        write(key, value);
        return { index: 1 };
      }),
    delete: (key) =>
      around(() => {
        const existed = values.has(key);
        write(key, undefined);
        return { index: 1, existed };
      }),
    cas: (key, expected, value) =>
      around(() => {
        const isMatch = JSON.stringify(values.get(key)) === JSON.stringify(expected);
        const succeeded = isMatch || shows('dirty cas');
        if (succeeded) write(key, value);
        return { index: 1, succeeded };
      }),
  };
  return store as Store;
}

function failed(outcome: 'rejected' | 'unknown'): RaftError {
  return new RaftError('RAFT_TIMEOUT', 'no answer', { details: { outcome } });
}
