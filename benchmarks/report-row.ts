/** What a section of docs/benchmarks.md is made of. Pure. */
import { spreadOf } from './spread.js';

/** What `--json` of one of the benchmarks gave; which it is, the command says. */
export interface Run {
  readonly commit?: string;
  readonly [field: string]: unknown;
}

/** One command, and what its runs gave. */
export interface Row {
  readonly label: string;
  readonly command: string;
  readonly results: readonly Run[];
}

/** `612,345 (598,002–640,310)`; the range only if there are several. */
export function ranged(values: readonly number[], show: (value: number) => string): string {
  const { min, max } = spreadOf(values);
  const middle = show(median(values));
  return values.length === 1 ? middle : `${middle} (${show(min)}–${show(max)})`;
}

export function median(values: readonly number[]): number {
  return spreadOf(values).median;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function code(command: string): string {
  return `\`${command}\``;
}
