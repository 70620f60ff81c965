/** The demonstration as text for people: chapters, and one aligned line for each thing told. */
import { stripVTControlCharacters } from 'node:util';
import { count, counted, micros, ms, seconds } from '../../benchmarks/figures.js';
import { assertNever } from '../errors.js';
import type { DemonstrationEvent, Tell } from './demonstration-event.js';
import type { Output } from './terminal.js';

/** Verbs stand in a column of their own, so that times and names line up. */
const verbWidth = 9;
/** Times begin here, counted from the end of the verb. */
const whenColumn = 51;

export function tellAsText(output: Output): Tell {
  const { bold, dim, green, red, yellow } = output.colours;

  function sentence(event: DemonstrationEvent): string {
    switch (event.event) {
      case 'cluster-started':
        return (
          `${bold(counted(event.nodes.length, 'node'))} in one process, each in a thread of its ` +
          `own ${dim(`(started in ${ms(event.tookMs)}, seed ${event.seed})`)}`
        );
      case 'chapter':
        return `\n${bold(`${event.number}  ${event.title}`)}`;
      case 'leader-elected':
        return line('elected', `${event.nodeId} leads term ${event.term}`, after(event.afterMs));
      case 'written':
        return line('set', `at ${event.nodeId}  ${event.key} = ${show(event.value)}`, took(event));
      case 'read':
        return line('get', `at ${event.nodeId}  ${event.key} = ${show(event.value)}`, took(event));
      case 'load-started':
        return line('load', `${count(event.writesPerSecond)} writes a second from here on`);
      case 'leader-killed':
        return line('killed', `the thread of ${event.nodeId}`, acknowledged(event));
      case 'leader-isolated':
        return line('cut off', `${event.nodeId} from all others`, acknowledged(event));
      case 'writes-resumed':
        return line('writes', 'flow again', after(event.afterMs));
      case 'node-restarted':
        return line('back', `${event.nodeId} runs again`, after(event.afterMs));
      case 'write-refused': {
        const what = `at ${event.nodeId}  not acknowledged: ${event.code}, ${event.outcome}`;
        return line('set', what, took(event));
      }
      case 'healed':
        return line('healed', 'everybody hears everybody');
      case 'converged': {
        const what = `${event.nodes.join(', ')} hold the same, ${shortened(event.digest)}`;
        return line('agreed', what, took(event));
      }
      case 'checked':
        return checked(event);
      case 'benchmark':
        return benchmark(event);
      case 'summary':
        return summary(event);
      default:
        return assertNever(event);
    }
  }

  function line(verb: string, what: string, when = ''): string {
    if (when === '') return `   ${verb.padEnd(verbWidth)}${what}`;
    // What is bold is longer than it looks.
    const looks = stripVTControlCharacters(what).length;
    const gap = ' '.repeat(Math.max(1, whenColumn - looks));
    return `   ${verb.padEnd(verbWidth)}${what}${gap}${dim(when)}`;
  }

  function checked(event: DemonstrationEvent & { event: 'checked' }): string {
    const { lost, undead, unknown, unknownDone } = event;
    const lines = [line('read', `${count(event.acknowledged)} acknowledged writes`, verdict(lost))];
    if (event.rejected > 0) {
      const what = `${counted(event.rejected, 'rejected write')}, ${count(undead)} of them done`;
      lines.push(line('', undead === 0 ? what : red(what)));
    }
    if (unknown > 0) {
      const what = `${counted(unknown, 'unanswered write')}, ${count(unknownDone)} of them done`;
      lines.push(line('', yellow(what)));
    }
    return lines.join('\n');
  }

  function benchmark(event: DemonstrationEvent & { event: 'benchmark' }): string {
    const { opsPerSecond, outstanding, valueBytes } = event;
    const setting = `${count(outstanding)} outstanding, ${valueBytes}-byte values`;
    return [
      line('measured', `${bold(count(opsPerSecond))} committed sets a second`, setting),
      line('', `p50 ${micros(event.p50Micros)}, p99 ${micros(event.p99Micros)}`),
    ].join('\n');
  }

  function summary(event: DemonstrationEvent & { event: 'summary' }): string {
    const { lost, undead } = event;
    const counts = [
      `${count(event.acknowledged)} acknowledged writes`,
      counted(event.elections, 'election'),
      seconds(event.tookMs / 1_000),
    ];
    const well = lost === 0 && undead === 0;
    const judgement = well ? green('Nothing was lost') : red(`LOST ${lost}, UNDEAD ${undead}`);
    return `\n${judgement}: ${counts.join(', ')}.`;
  }

  function verdict(lost: number): string {
    return lost === 0 ? 'all are there' : red(`${count(lost)} LOST`);
  }

  return (event) => output.write(`${sentence(event)}\n`);
}

function after(afterMs: number): string {
  return `after ${ms(afterMs)}`;
}

function took({ tookMs }: { readonly tookMs: number }): string {
  return ms(tookMs);
}

function acknowledged(event: { readonly acknowledged: number }): string {
  return `${count(event.acknowledged)} writes acknowledged so far`;
}

/** As much of a digest as is compared by eye. */
function shortened(digest: string): string {
  return `digest ${digest.slice(0, 8)}`;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
