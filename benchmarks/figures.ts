/** Numbers as people read them. */

/** `612,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `3 nodes`, `1 node`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A time in ms, with as many digits as mean something: `0.43 ms`, `231 ms`, `1,204 ms`. */
export function ms(value: number): string {
  const digits = value < 1 ? 2 : value < 10 ? 1 : 0;
  return `${fixed(value, digits)} ms`;
}

/** A time in µs: `65 µs`, `1.52 ms`. */
export function micros(value: number): string {
  if (value < 1_000) return `${fixed(value, value < 10 ? 1 : 0)} µs`;
  return `${fixed(value / 1_000, value < 10_000 ? 2 : 1)} ms`;
}

/** `3.2 s`. */
export function seconds(value: number): string {
  return `${fixed(value, 1)} s`;
}

/** `143 MiB`. */
export function mebibytes(bytes: number): string {
  return `${count(bytes / 2 ** 20)} MiB`;
}

export function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
