/** What several measurements of one thing say together. */

export interface Spread {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** The spread of at least one number. A percentile is the nearest one that was measured. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('the spread of no values');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const rank = Math.max(1, Math.ceil(share * sorted.length));
    return sorted[rank - 1] as number;
  };
  return {
    count: sorted.length,
    min: at(0),
    median: sorted.length % 2 === 1 ? at(0.5) : (at(0.5) + (sorted[sorted.length / 2] ?? 0)) / 2,
    p99: at(0.99),
    max: at(1),
  };
}
