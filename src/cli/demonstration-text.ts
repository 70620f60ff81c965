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
  const sentences = new Sentences(output.colours);
  return (event) => output.write(`${sentences.of(event)}\n`);
}

/** One line, or a few, for each event. */
class Sentences {
  readonly #colours: Output['colours'];

  constructor(colours: Output['colours']) {
    this.#colours = colours;
  }

  of(event: DemonstrationEvent): string {
    switch (event.event) {
      case 'cluster-started':
        return this.#started(event);
      case 'chapter':
        return `\n${this.#colours.bold(`${event.number}  ${event.title}`)}`;
      case 'leader-elected':
        return this.#line(
          'elected',
          `${event.nodeId} leads term ${event.term}`,
          after(event.afterMs),
        );
      case 'written':
        return this.#line(
          'set',
          `at ${event.nodeId}  ${event.key} = ${show(event.value)}`,
          took(event),
        );
      case 'read':
        return this.#line(
          'get',
          `at ${event.nodeId}  ${event.key} = ${show(event.value)}`,
          took(event),
        );
      case 'load-started':
        return this.#line('load', `${count(event.writesPerSecond)} writes a second from here on`);
      case 'leader-killed':
        return this.#line('killed', `the thread of ${event.nodeId}`, acknowledged(event));
      case 'leader-isolated':
        return this.#line('cut off', `${event.nodeId} from all others`, acknowledged(event));
      case 'writes-resumed':
        return this.#line('writes', 'flow again', after(event.afterMs));
      case 'node-restarted':
        return this.#line('back', `${event.nodeId} runs again`, after(event.afterMs));
      case 'write-refused': {
        const what = `at ${event.nodeId}  not acknowledged: ${event.code}, ${event.outcome}`;
        return this.#line('set', what, took(event));
      }
      case 'healed':
        return this.#line('healed', 'everybody hears everybody');
      case 'converged': {
        const what = `${event.nodes.join(', ')} hold the same, ${shortened(event.digest)}`;
        return this.#line('agreed', what, took(event));
      }
      case 'checked':
        return this.#checked(event);
      case 'benchmark':
        return this.#benchmark(event);
      case 'summary':
        return this.#summary(event);
      default:
        return assertNever(event);
    }
  }

  #started(event: DemonstrationEvent & { event: 'cluster-started' }): string {
    const nodes = this.#colours.bold(counted(event.nodes.length, 'node'));
    const how = this.#colours.dim(`(started in ${ms(event.tookMs)}, seed ${event.seed})`);
    return `${nodes} in one process, each in a thread of its own ${how}`;
  }

  #line(verb: string, what: string, when = ''): string {
    if (when === '') return `   ${verb.padEnd(verbWidth)}${what}`;
    // What is bold is longer than it looks.
    const looks = stripVTControlCharacters(what).length;
    const gap = ' '.repeat(Math.max(1, whenColumn - looks));
    return `   ${verb.padEnd(verbWidth)}${what}${gap}${this.#colours.dim(when)}`;
  }

  #checked(event: DemonstrationEvent & { event: 'checked' }): string {
    const { lost, undead, unknown, unknownDone } = event;
    const lines = [
      this.#line('read', `${count(event.acknowledged)} acknowledged writes`, this.#verdict(lost)),
    ];
    if (event.rejected > 0) {
      const what = `${counted(event.rejected, 'rejected write')}, ${count(undead)} of them done`;
      lines.push(this.#line('', undead === 0 ? what : this.#colours.red(what)));
    }
    if (unknown > 0) {
      const what = `${counted(unknown, 'unanswered write')}, ${count(unknownDone)} of them done`;
      lines.push(this.#line('', this.#colours.yellow(what)));
    }
    return lines.join('\n');
  }

  #benchmark(event: DemonstrationEvent & { event: 'benchmark' }): string {
    const { opsPerSecond, outstanding, valueBytes } = event;
    const setting = `${count(outstanding)} outstanding, ${valueBytes}-byte values`;
    return [
      this.#line(
        'measured',
        `${this.#colours.bold(count(opsPerSecond))} committed sets a second`,
        setting,
      ),
      this.#line('', `p50 ${micros(event.p50Micros)}, p99 ${micros(event.p99Micros)}`),
    ].join('\n');
  }

  #summary(event: DemonstrationEvent & { event: 'summary' }): string {
    const { lost, undead } = event;
    const counts = [
      `${count(event.acknowledged)} acknowledged writes`,
      counted(event.elections, 'election'),
      seconds(event.tookMs / 1_000),
    ];
    const well = lost === 0 && undead === 0;
    const judgement = well
      ? this.#colours.green('Nothing was lost')
      : this.#colours.red(`LOST ${lost}, UNDEAD ${undead}`);
    return `\n${judgement}: ${counts.join(', ')}.`;
  }

  #verdict(lost: number): string {
    return lost === 0 ? 'all are there' : this.#colours.red(`${count(lost)} LOST`);
  }
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
