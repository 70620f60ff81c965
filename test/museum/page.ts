/** The score as a page. */
import type { Machine } from '../../benchmarks/machine.js';
import { exhibits } from './exhibits.js';
import { pitfalls } from './pitfalls.js';
import type { Score } from './score.js';

/** How the score was made. */
export interface Setting {
  /** So many were run for each bug, at most. */
  readonly seeds: number;
  readonly threads: number;
  readonly minutes: number;
  readonly commit: string | undefined;
  readonly machine: Machine;
}

export function pageOf(scores: readonly Score[], setting: Setting): string {
  const { seeds, threads, minutes, commit = 'unknown', machine } = setting;
  const found = scores.filter(({ seed }) => seed !== undefined).length;
  const shown = scores.filter(({ seed, pinned }) => seed === undefined && pinned?.invariant).length;
  const missed = scores.length - found - shown;
  const hours = scores.reduce((sum, { simulatedHours }) => sum + simulatedHours, 0);
  const covered = pitfalls.filter((_, place) => idsOf(place + 1).length > 0).length;
  const lines = [
    '# The museum of bugs',
    '',
    'Written by `npm run museum`; do not edit. Each row is a bug that somebody has had, brought',
    'back by changing a copy of the compiled sources (`test/museum/`); the product itself holds',
    'no switch for any of them. The simulator then runs seeds 1, 2, … on the copy until something',
    'breaks. What random search takes long to reach has a scenario as well, which plays the',
    'sequence of the bug; it breaks nothing without the bug (`test/museum/museum.test.ts`).',
    '',
    `Of ${scores.length} bugs the swarm found ${found} within ${seeds} seeds each, in ` +
      `${hours.toFixed(1)} simulated hours in all. A pinned scenario shows ${shown} more` +
      `${missed === 0 ? '' : `; neither shows ${missed}`}.`,
    '',
    `Measured by \`npm run museum -- --seeds ${seeds} --threads ${threads}\` at commit ` +
      `\`${commit}\`, in ${minutes.toFixed(1)} minutes on ${machine.cores} cores of ` +
      `${machine.cpu}, ${machine.system}, Node.js ${machine.node}.`,
    '',
    '| pitfall | bug | seen in | by seed | simulated minutes | what broke | pinned scenario |',
    '| ---: | --- | --- | ---: | ---: | --- | --- |',
    ...scores.map(rowOf),
    '',
    '## Pitfalls',
    '',
    `${covered} of ${pitfalls.length} kinds of bugs have an exhibit. A bug of none of them has no`,
    'number above.',
    '',
    '| pitfall | what goes wrong | exhibits, or why there is none |',
    '| ---: | --- | --- |',
    ...pitfalls.map(({ title, absent }, place) => {
      const ids = idsOf(place + 1).map((id) => `\`${id}\``);
      return `| ${place + 1} | ${title} | ${absent ?? ids.join(', ')} |`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function rowOf({ exhibit, seed, simulatedHours, invariant, pinned }: Score): string {
  const { pitfall, title, seen, safeguard } = exhibit;
  const cells = [
    pitfall ?? '',
    title,
    seen,
    seed ?? 'no seed',
    (60 * simulatedHours).toFixed(1),
    invariant ?? (safeguard === undefined ? '' : `nothing: ${safeguard}`),
    pinned === undefined ? '' : (pinned.invariant ?? 'nothing broke'),
  ];
  return `| ${cells.join(' | ')} |`;
}

function idsOf(pitfall: number): string[] {
  return exhibits.filter((one) => one.pitfall === pitfall).map(({ id }) => id);
}
