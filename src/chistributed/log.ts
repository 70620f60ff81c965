/** What a run tells about itself on standard error, line by line, for those who asked for it. */
import type { Clock } from '../clock.js';
import type { ClusterEvent } from '../cluster/event.js';
import type { ChiOutput } from './printer.js';

/** How much is told; each level has what those before it have. */
export type LogLevel = 'warning' | 'info' | 'debug';

const ranks: Readonly<Record<LogLevel, number>> = { warning: 0, info: 1, debug: 2 };

export interface LogOptions {
  readonly output: ChiOutput;
  readonly level: LogLevel;
  readonly clock: Clock;
}

/** Lines like `   0.123 [chistributed] INFO: node-1 connected`: seconds since the run began. */
export class Log {
  readonly #options: LogOptions;
  readonly #beganMs: number;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#beganMs = options.clock.nowMs();
  }

  write(level: Exclude<LogLevel, 'warning'>, text: string): void {
    const { output, clock } = this.#options;
    if (ranks[level] > ranks[this.#options.level]) return;
    const seconds = ((clock.nowMs() - this.#beganMs) / 1_000).toFixed(3).padStart(8);
    output.write(`${seconds} [chistributed] ${level.toUpperCase()}: ${text}\n`);
  }

  /** Tells of the nodes at level info, of elections and of the network at level debug. */
  event(event: ClusterEvent): void {
    switch (event.kind) {
      case 'node-started':
        this.write('info', `${event.nodeId} connected`);
        break;
      case 'node-down':
        this.write('info', `${event.nodeId} is down (${event.reason})`);
        break;
      case 'leader-elected':
        this.write('debug', `${event.nodeId} leads term ${event.term}`);
        break;
      case 'leader-stepped-down':
        this.write('debug', `${event.nodeId} leads no more; it is in term ${event.term}`);
        break;
      case 'campaign-started':
        this.write('debug', `${event.nodeId} campaigns for term ${event.term}`);
        break;
      case 'fault-installed':
        this.write('debug', `partition or fault '${event.name}' is in force`);
        break;
      case 'fault-healed':
        this.write('debug', `partition or fault '${event.name}' is healed`);
        break;
    }
  }
}
