/** What `balsa sim` says about a swarm, for people and for programs. */
import type { SeedReport } from '../sim/task.js';
import type { Output } from './terminal.js';

export interface SwarmReport {
  readonly range: { readonly first: number; readonly last: number };
  /** Seeds that were run. */
  readonly seeds: number;
  readonly simulatedSeconds: number;
  readonly events: number;
  readonly deliveries: number;
  /** Calls of clients that ended, in whatever way. */
  readonly operations: number;
  readonly elections: number;
  readonly committed: number;
  /** How often all runs came to what they should come to now and then, as a fault or a snapshot. */
  readonly reached: Readonly<Record<string, number>>;
  /** Histories of which it could not be said whether they are linearizable. */
  readonly undecided: number;
  /** By the clock of the machine. */
  readonly seconds: number;
  /** The first seed that broke something. */
  readonly failure: SeedReport | undefined;
}

/** The command that runs a seed again. */
export function replayOf(seed: number): string {
  return `balsa sim replay ${seed} --trace`;
}

export function jsonOf(report: SwarmReport): string {
  const { failure, ...figures } = report;
  const found = failure && { ...failure, replay: replayOf(failure.seed) };
  return `${JSON.stringify({ ...figures, ...ratesOf(report), failure: found ?? null })}\n`;
}

export function swarmText(report: SwarmReport, colours: Output['colours']): string {
  const { seedsPerSecond, speed, eventsPerSecond } = ratesOf(report);
  const lines = [
    `${count(report.seeds)} seeds in ${count(report.seconds)} s, ` +
      `${count(seedsPerSecond)} a second`,
    `${count(report.simulatedSeconds)} simulated seconds, ${count(speed)} times real time; ` +
      `${count(report.events)} events, ${count(eventsPerSecond)} a second`,
    `${count(report.operations)} operations, ${count(report.deliveries)} frames delivered, ` +
      `${count(report.elections)} elections, ${count(report.committed)} entries committed`,
    ...reachedLines(report),
  ];
  const { failure } = report;
  if (failure?.violation === undefined) {
    const { undecided } = report;
    lines.push(
      undecided === 0
        ? colours.green('every invariant held, every history is linearizable')
        : colours.yellow(`every invariant held; ${undecided} histories could not be decided`),
    );
  } else {
    const { invariant, text, atMs } = failure.violation;
    lines.push(
      colours.red(`seed ${failure.seed} broke '${invariant}' at ${atMs.toFixed(3)} ms`),
      `  ${text}`,
      `  ${replayOf(failure.seed)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Faults by kind, and what they and the load led to. */
function reachedLines({ reached }: SwarmReport): string[] {
  const entries = Object.entries(reached).sort(([one], [other]) => (one < other ? -1 : 1));
  const isFault = ([what]: [string, number]): boolean => what.startsWith('fault: ');
  const list = (some: readonly [string, number][]): string =>
    some.map(([what, times]) => `${count(times)} ${what.replace(/^fault: /, '')}`).join(', ');
  const lines = [
    ['faults', list(entries.filter(isFault))],
    ['reached', list(entries.filter((entry) => !isFault(entry)))],
  ];
  return lines.flatMap(([name, text]) => (text === '' ? [] : [`${name}: ${text}`]));
}

function ratesOf({ seeds, seconds, simulatedSeconds, events }: SwarmReport): {
  readonly seedsPerSecond: number;
  /** Simulated seconds in each second. */
  readonly speed: number;
  readonly eventsPerSecond: number;
} {
  return {
    seedsPerSecond: Math.round((10 * seeds) / seconds) / 10,
    speed: Math.round((10 * simulatedSeconds) / seconds) / 10,
    eventsPerSecond: Math.round(events / seconds),
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}
