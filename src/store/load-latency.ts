/**
 * Latencies, counted.
 *
 * A load generator shares its thread with the client that it measures, so a latency costs it an
 * increment (a histogram of the library takes 110 ns); the histogram is made of the counts later.
 */
import * as hdr from 'hdr-histogram-js';

/** Up to here a count for every microsecond, above it one for every millisecond. */
const fineMicros = 2 ** 16;
/** Longer ones count as this long. */
const coarseMillis = 120_000;

/** Counts of latencies. Structured-cloneable, so that the counts of several threads can meet. */
export interface LatencyCounts {
  /** By microsecond. */
  readonly fine: Uint32Array;
  /** By millisecond, rounded up. */
  readonly coarse: Uint32Array;
}

/** Percentiles, in whole microseconds; all 0 if nothing was counted. */
export interface LatencyMicros {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export function emptyLatencies(): LatencyCounts {
  return { fine: new Uint32Array(fineMicros), coarse: new Uint32Array(coarseMillis + 1) };
}

export function countLatency({ fine, coarse }: LatencyCounts, latencyMs: number): void {
  const micros = (latencyMs * 1_000) | 0;
  // More than 2^31 us come out negative, too.
  if (micros >= 0 && micros < fineMicros) fine[micros] = (fine[micros] ?? 0) + 1;
  else {
    const millis = Math.min(coarseMillis, Math.ceil(latencyMs));
    coarse[millis] = (coarse[millis] ?? 0) + 1;
  }
}

/** The percentiles of all counts together. */
export function summarizeLatencies(all: readonly LatencyCounts[]): LatencyMicros {
  const histogram = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: coarseMillis * 1_000,
    numberOfSignificantValueDigits: 3,
  });
  for (const { fine, coarse } of all) {
    for (const [micros, count] of fine.entries()) {
      if (count > 0) histogram.recordValueWithCount(micros, count);
    }
    for (const [millis, count] of coarse.entries()) {
      if (count > 0) histogram.recordValueWithCount(millis * 1_000, count);
    }
  }
  const max = histogram.maxValue;
  // A percentile is the upper end of its bucket, which may lie above all that was counted.
  const at = (percentile: number): number =>
    Math.min(max, histogram.getValueAtPercentile(percentile));
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max };
}
