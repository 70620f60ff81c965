/**
 * A page of histories, in the way of Porcupine's visualiser: one file that needs no network.
 *
 * Operations are bars, a row for each process; a dot on a bar says when it takes effect in the
 * linearization that was found. Where a history goes wrong is red. Faults are bands behind.
 */

import { type Nanoseconds, shown } from './event.js';
import type { HistoryResult, KeyResult } from './history-check.js';
import { formatJson, type Json } from './json.js';
import { compare, type Operation } from './operation.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';

/** Something that went on meanwhile. */
export interface Band {
  readonly name: string;
  readonly at: Nanoseconds;
  /** `undefined`: to the end. */
  readonly until?: Nanoseconds | undefined;
}

/** One history on the page. */
export interface PageHistory {
  /** What it is called, such as its file. */
  readonly name: string;
  readonly result: HistoryResult;
  readonly bands?: readonly Band[];
}

/** The whole page as HTML. */
export function historyPage(histories: readonly PageHistory[]): string {
  const keys = histories.flatMap((history) =>
    history.result.keys.map((key) => keyOf(history, key)),
  );
  const order = { illegal: 0, unknown: 1, linearizable: 2 } as const;
  keys.sort((a, b) => order[a.verdict] - order[b.verdict]);
  const title = histories.map(({ name }) => name).join(', ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${title}: history`)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
  <h1 id="title"></h1>
  <label>Key <select id="key"></select> <span id="keys"></span></label>
  <span id="verdict"></span>
  <span class="space"></span>
  <button id="even" type="button" aria-pressed="false"
    title="Between any two events the same room, however long it took">Even spacing</button>
  <button id="wrong" type="button">Where it goes wrong</button>
  <button id="whole" type="button">Whole history</button>
</header>
<p id="sentence"></p>
<main id="view" tabindex="0" aria-label="Operations over time"><canvas id="chart"></canvas></main>
<footer>
  <span><i class="bar ok"></i> ok</span>
  <span><i class="bar fail"></i> fail</span>
  <span><i class="bar info"></i> info: may take effect later, or never</span>
  <span><i class="bar bad"></i> <span id="stuck"></span></span>
  <span><i class="dot"></i> takes effect</span>
  <span><i class="band"></i> fault</span>
  <span class="space"></span>
  <span>wheel, + −: zoom &nbsp; drag, arrows: move &nbsp; click: keep the detail</span>
</footer>
<aside id="detail" hidden></aside>
<script type="application/json" id="histories">${embed({ keys })}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

/** Columns, not objects: a page may hold hundreds of thousands of operations. */
function keyOf({ name, bands = [] }: PageHistory, result: KeyResult) {
  const { key, verdict, exhausted, operations, linearization, stuck } = result;
  const first = firstTime(operations, bands);
  const micros = (time: Nanoseconds): number => Number(BigInt(time) - BigInt(first)) / 1_000;
  const numbers = new Map(operations.map((operation, at) => [operation, at]));
  const numberOf = (operation: Operation): number => numbers.get(operation) ?? -1;
  return {
    history: name,
    key,
    verdict,
    exhausted: exhausted ?? null,
    operations: operations.map((operation) => [
      operation.process,
      micros(operation.invokedAt),
      operation.completedAt === undefined ? null : micros(operation.completedAt),
      operation.outcome,
      labelOf(operation),
      operation.line,
      operation.error ?? null,
      leftBy(operation),
    ]),
    linearization: linearization.map(numberOf),
    stuck: stuck.map(numberOf),
    bands: bands.map(({ name: band, at, until }) => [
      band,
      micros(at),
      until === undefined ? null : micros(until),
    ]),
  };
}

function firstTime(operations: readonly Operation[], bands: readonly Band[]): Nanoseconds {
  const times = bands.map(({ at }) => at).concat(operations[0]?.invokedAt ?? []);
  return times.sort(compare)[0] ?? 0;
}

/** `cas 1 → 2`, `get → "a"`. */
function labelOf({ op, value, expected, outcome, result, error }: Operation): string {
  const ended = outcome === 'ok' ? '' : ` (${error ?? outcome})`;
  switch (op) {
    case 'get':
      return `get${outcome === 'ok' ? ` = ${shown(result)}` : ended}`;
    case 'set':
      return `set ${shown(value)}${ended}`;
    case 'cas':
      return `cas ${shown(expected)} → ${shown(value)}${ended}`;
    case 'delete':
      return `delete${typeof result === 'boolean' ? ` = ${result}` : ended}`;
  }
}

/** The value of the key once the operation has taken effect; `null`: as it was. */
function leftBy({ op, value, outcome }: Operation): string | null {
  if (op === 'get' || outcome === 'fail') return null;
  return op === 'delete' ? 'absent' : value === null ? 'absent' : shown(value);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON inside a script element: nothing in it may end the element. */
function embed(value: object): string {
  return formatJson(value as Json).replace(/</g, '\\u003c');
}
