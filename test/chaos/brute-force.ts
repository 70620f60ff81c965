/** Whether a small history is linearizable, by trying every order: slow, and simple to believe. */

import type { Json } from '../../src/chaos/json.js';
import { registerModel } from '../../src/chaos/model.js';
import type { Operation } from '../../src/chaos/operation.js';

export function isLinearizable(operations: readonly Operation[]): boolean {
  const relevant = operations.filter(
    ({ outcome, error }) => outcome !== 'fail' || error === 'precondition',
  );
  return canPlace(relevant, registerModel.initial);
}

function canPlace(left: readonly Operation[], state: Json): boolean {
  if (left.every(({ outcome }) => outcome === 'info')) return true;
  return left.some((next) => {
    const mayBeNext = left.every((other) => other === next || !isBefore(other, next));
    const after = mayBeNext ? registerModel.step(state, next as never, outputOf(next)) : undefined;
    return (
      after !== undefined &&
      canPlace(
        left.filter((other) => other !== next),
        after,
      )
    );
  });
}

/** Equal times are concurrent. */
function isBefore(a: Operation, b: Operation): boolean {
  return a.outcome !== 'info' && a.completedAt !== undefined && a.completedAt < b.invokedAt;
}

/** As the model of a register has it; `undefined` is unknown. */
export function outputOf({ op, outcome, result }: Operation): Json | undefined {
  if (outcome === 'info') return undefined;
  if (op === 'cas') return outcome === 'ok';
  return result ?? null;
}
