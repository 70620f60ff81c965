/** The score as a page. */
import type { Exhibit } from './exhibit.js';
import type { Score } from './score.js';

export function pageOf(
  scores: readonly Score[],
  left: readonly Exhibit[],
  seedsMax: number,
): string {
  const found = scores.filter(({ seed }) => seed !== undefined);
  const hours = scores.reduce((sum, { simulatedHours }) => sum + simulatedHours, 0);
  const rows = scores.map(rowOf);
  const lines = [
    '# The museum of bugs',
    '',
    'Written by `npm run museum`; do not edit. Each row is a bug that somebody has had, brought',
    'back by changing a copy of the compiled sources (`test/museum/`); the product itself holds',
    'no switch for any of them. The simulator then runs seeds 1, 2, … on the copy until something',
    'breaks.',
    '',
    `${found.length} of ${scores.length} bugs were found within ${seedsMax} seeds each, ` +
      `in ${hours.toFixed(1)} simulated hours in all.`,
    '',
    '| bug | seen in | found by seed | simulated minutes | what broke |',
    '| --- | --- | ---: | ---: | --- |',
    ...rows,
    ...left.map(({ title, seen }) => `| ${title} | ${seen} | not looked for this time | | |`),
  ];
  return `${lines.join('\n')}\n`;
}

function rowOf({ exhibit, seed, simulatedHours, invariant, pinned }: Score): string {
  const otherwise = pinned?.invariant === undefined ? 'no seed' : 'pinned scenario';
  const bySeed = seed === undefined ? otherwise : `${seed}`;
  const minutes = seed === undefined ? '' : (60 * simulatedHours).toFixed(1);
  const broke = invariant ?? pinned?.invariant ?? 'nothing';
  return `| ${exhibit.title} | ${exhibit.seen} | ${bySeed} | ${minutes} | ${broke} |`;
}
