/** The values of options: numbers with a range, checked while the command line is read. */
import { RaftError } from '../errors.js';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** What a seed may be. */
export const seedRange: Range = { min: 0, max: 2 ** 32 - 1 };

/** Reads a whole number. `why` says what the range is for, where the range alone does not. */
export function whole(option: string, { min, max }: Range, why = ''): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll('_', ''));
    if (/^\d[\d_]*$/.test(text) && value >= min && value <= max) return value;
    throw invalid(option, text, `a whole number from ${show(min)} to ${show(max)}${why}`);
  };
}

/** Reads a decimal number. */
export function decimal(option: string, { min, max }: Range, why = ''): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && value >= min && value <= max) return value;
    throw invalid(option, text, `a number from ${show(min)} to ${show(max)}${why}`);
  };
}

const units: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Reads a number of bytes: `65536`, `64KiB`, `1.5GiB`. */
export function byteCount(option: string, { min, max }: Range): (text: string) => number {
  return (text) => {
    const [, digits = '', unit = ''] = /^(\d+\.?\d*) ?([KMG]iB)?$/.exec(text) ?? [];
    const value = Math.round(Number(digits) * (units[unit] ?? 0));
    if (digits !== '' && value >= min && value <= max) return value;
    throw invalid(option, text, `a size from ${showBytes(min)} to ${showBytes(max)}`);
  };
}

/** The largest unit that leaves a whole number. */
function showBytes(value: number): string {
  const fitting = Object.entries(units).filter(([, bytes]) => value % bytes === 0);
  const [unit = '', bytes = 1] = fitting.at(-1) ?? [];
  return `${show(value / bytes)}${unit === '' ? ' bytes' : unit}`;
}

function invalid(option: string, text: string, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} is '${text}'; expected ${expected}`, {
    details: { option },
  });
}

function show(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}
