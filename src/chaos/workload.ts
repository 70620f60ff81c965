/**
 * What clients do: each process is a generator that yields a request and is told what came of it.
 *
 * A history knows get, set, cas and delete only, so what is more is made of these: an append is a
 * cas from the list that was read to the same list with one more element, and a transfer a cas
 * from all accounts to all accounts. Both are exact: a lost or doubled append, or money that is
 * made or lost, is a history of the register that is not linearizable.
 */
import { RaftError } from '../errors.js';
import type { Prng } from '../prng.js';
import type { Json } from './json.js';

export type Request =
  | { readonly op: 'get' | 'delete'; readonly key: string }
  | { readonly op: 'set'; readonly key: string; readonly value: Json }
  | { readonly op: 'cas'; readonly key: string; readonly expected: Json; readonly value: Json };

/** What came of a request. */
export interface Answer {
  readonly type: 'ok' | 'fail' | 'info';
  /** What a get has read, null = absent, and whether a delete found something. */
  readonly value?: Json;
  readonly error?: string;
}

export type Process = Generator<Request, never, Answer>;

/** What all processes of a run share. */
export class Commons {
  #value = 0;
  #requests = 0;
  readonly #perKey: number;

  /** A new key replaces an old one after about `perKey` requests. */
  constructor(perKey = 300) {
    this.#perKey = perKey;
  }

  /** A value that no other request has. */
  unique(): number {
    this.#value += 1;
    return this.#value;
  }

  /** One of three keys that are in use now. Histories of one key stay short enough to check. */
  key(prefix: string, prng: Prng): string {
    this.#requests += 1;
    const newest = Math.floor(this.#requests / this.#perKey);
    return `${prefix}${newest + prng.int(0, 2)}`;
  }
}

/** The workloads by name. */
export const workloads: {
  readonly [name in WorkloadName]: (prng: Prng, commons: Commons) => Process;
} = { register, cas, append, bank };

export const workloadNames = ['register', 'cas', 'append', 'bank'] as const;
export type WorkloadName = (typeof workloadNames)[number];

/** Reads a name. Throws `RAFT_INVALID_OPTION`. */
export function parseWorkload(option: string, text: string): WorkloadName {
  const name = workloadNames.find((known) => known === text);
  if (name !== undefined) return name;
  const expected = `one of ${workloadNames.join(', ')}`;
  throw new RaftError('RAFT_INVALID_OPTION', `${option} is '${text}'; expected ${expected}`, {
    details: { option },
  });
}

/** Gets, sets of values that nobody else writes, and deletes. */
function* register(prng: Prng, commons: Commons): Process {
  for (;;) {
    const key = commons.key('r', prng);
    const drawn = prng.next();
    if (drawn < 0.5) yield { op: 'get', key };
    else if (drawn < 0.9) yield { op: 'set', key, value: commons.unique() };
    else yield { op: 'delete', key };
  }
}

/** Few values, so that many cas match that should, and some that should not if they could. */
function* cas(prng: Prng, commons: Commons): Process {
  const seen = new Map<string, Json>();
  for (;;) {
    const key = commons.key('c', prng);
    const drawn = prng.next();
    const value = prng.int(0, 9);
    if (drawn < 0.35) {
      const { type, value: read = null } = yield { op: 'get', key };
      if (type === 'ok') seen.set(key, read);
    } else if (drawn < 0.9) {
      const expected = prng.chance(0.8) ? (seen.get(key) ?? null) : prng.int(0, 9);
      const { type } = yield { op: 'cas', key, expected, value };
      if (type === 'ok') seen.set(key, value);
      else seen.delete(key);
    } else {
      yield { op: 'set', key, value };
    }
  }
}

/** Lists are given up at this length: each cas carries two of them. */
const elementsMax = 40;

function* append(prng: Prng, commons: Commons): Process {
  let generation = 0;
  for (;;) {
    const key = `a${generation}-${prng.int(0, 2)}`;
    const { type, value = null } = yield { op: 'get', key };
    if (type !== 'ok') continue;
    const list = Array.isArray(value) ? (value as readonly Json[]) : [];
    if (list.length >= elementsMax) generation += 1;
    else if (prng.chance(0.8)) {
      yield { op: 'cas', key, expected: value, value: [...list, commons.unique()] };
    }
  }
}

const openingBalance = 100;
const accountNames = ['ann', 'bob', 'cid', 'dot', 'eve'] as const;
type Balances = { readonly [name in (typeof accountNames)[number]]: number };

function* bank(prng: Prng, commons: Commons): Process {
  for (;;) {
    const key = commons.key('b', prng);
    const { type, value = null } = yield { op: 'get', key };
    if (type !== 'ok') continue;
    if (value === null) {
      const open = Object.fromEntries(accountNames.map((name) => [name, openingBalance]));
      yield { op: 'cas', key, expected: null, value: open };
    } else if (prng.chance(0.8)) {
      const before = value as Balances;
      const [from, to] = prng.shuffle(accountNames) as [keyof Balances, keyof Balances];
      const amount = prng.int(0, before[from]);
      const after = { ...before, [from]: before[from] - amount, [to]: before[to] + amount };
      yield { op: 'cas', key, expected: value, value: after };
    }
  }
}
