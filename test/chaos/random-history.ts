/** Small random histories of one key: some of a real register, some with results that are off. */
import type { HistoryEvent, OperationName } from '../../src/chaos/event.js';
import type { Json } from '../../src/chaos/json.js';
import type { Prng } from '../../src/prng.js';

export interface Shape {
  readonly processes: number;
  readonly operations: number;
  /** Whole numbers from 1 to this are written. */
  readonly values: number;
  readonly infoRate: number;
  /** How often a result is replaced by a random one. */
  readonly lieRate: number;
  /** Every write has a value of its own. */
  readonly isUnique: boolean;
  readonly names: readonly OperationName[];
}

/** Draws how such a history looks. */
export function drawShape(prng: Prng, operations: number): Shape {
  return {
    processes: prng.int(1, 5),
    operations: prng.int(1, operations),
    values: prng.int(1, 3),
    infoRate: prng.pick([0, 0.2, 0.5]),
    lieRate: prng.pick([0, 0.1, 0.3, 0.6]),
    isUnique: prng.chance(0.3),
    names: prng.pick([
      ['get', 'set'],
      ['get', 'set', 'set'],
      ['get', 'cas', 'set'],
      ['get', 'set', 'cas', 'delete'],
      ['cas', 'delete', 'delete', 'get'],
    ]),
  };
}

interface Draft {
  readonly process: number;
  readonly op: OperationName;
  readonly value: number;
  readonly expected: Json;
  readonly invokedAt: number;
  readonly takesEffectAt: number;
  readonly completedAt: number;
  readonly isInfo: boolean;
  readonly isCompleted: boolean;
  readonly isLie: boolean;
}

/** The events of a history, by time. */
export function drawHistory(prng: Prng, shape: Shape): HistoryEvent[] {
  const frees = new Array<number>(shape.processes).fill(0);
  const drafts: Draft[] = [];
  for (let at = 1; at <= shape.operations; at++) {
    const process = prng.int(0, shape.processes - 1);
    const invokedAt = (frees[process] ?? 0) + prng.int(0, 3);
    if (invokedAt === Number.POSITIVE_INFINITY) continue;
    const completedAt = invokedAt + prng.int(0, 8);
    const isInfo = prng.chance(shape.infoRate);
    const isCompleted = !isInfo || prng.chance(0.7);
    frees[process] = isCompleted ? completedAt : Number.POSITIVE_INFINITY;
    drafts.push({
      process,
      op: prng.pick(shape.names),
      value: shape.isUnique ? at : prng.int(1, shape.values),
      expected: prng.chance(0.2) ? null : prng.int(1, shape.isUnique ? at : shape.values),
      invokedAt,
      takesEffectAt: isInfo
        ? invokedAt + prng.next() * 30
        : invokedAt + prng.next() * (completedAt - invokedAt),
      completedAt,
      isInfo,
      isCompleted,
      isLie: prng.chance(shape.lieRate),
    });
  }
  const completions = new Map<Draft, Partial<HistoryEvent>>();
  let state: Json = null;
  for (const draft of drafts.toSorted((a, b) => a.takesEffectAt - b.takesEffectAt)) {
    const { op, value, expected } = draft;
    if (draft.isInfo && prng.chance(0.4)) continue;
    const lie: Json = prng.chance(0.3) ? null : prng.int(1, shape.values + 1);
    if (op === 'get') completions.set(draft, { type: 'ok', value: draft.isLie ? lie : state });
    if (op === 'delete') {
      const existed = (state !== null) !== draft.isLie;
      completions.set(draft, { type: 'ok', ...(prng.chance(0.3) ? {} : { value: existed }) });
      state = null;
    }
    if (op === 'set') state = value;
    if (op === 'cas') {
      const isMatch = state === expected;
      if (isMatch !== draft.isLie) completions.set(draft, { type: 'ok' });
      else completions.set(draft, { type: 'fail', error: 'precondition' });
      if (isMatch) state = value;
    }
  }
  return drafts
    .flatMap((draft) => eventsOf(draft, completions.get(draft) ?? { type: 'ok' }))
    .sort((a, b) => Number(a.time) - Number(b.time));
}

function eventsOf(draft: Draft, completion: Partial<HistoryEvent>): HistoryEvent[] {
  const { process, op, value, expected, invokedAt, completedAt, isInfo, isCompleted } = draft;
  const input = op === 'set' ? { value } : op === 'cas' ? { value, expected } : {};
  const base = { process, op, key: 'x' };
  const invoke: HistoryEvent = { ...base, type: 'invoke', ...input, time: invokedAt };
  if (!isCompleted) return [invoke];
  const end: HistoryEvent = isInfo
    ? { ...base, type: 'info', error: 'timeout', time: completedAt }
    : { ...base, type: 'ok', ...completion, time: completedAt };
  return [invoke, end];
}
