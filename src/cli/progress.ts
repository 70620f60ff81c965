/** A progress bar on a terminal; nothing at all elsewhere. */
import { SingleBar } from 'cli-progress';
import type { Output } from './terminal.js';

export interface Progress extends Disposable {
  /** `done` is from 0 to 1; `what` says what goes on now. */
  update(done: number, what: string): void;
}

const steps = 1_000;

/** Disposing it takes the bar away, so that what follows starts on a clean line. */
export function createProgress(output: Output): Progress {
  if (!output.isTerminal) return silent;
  const bar = new SingleBar({
    format: '{bar} {percentage} %  {what}',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    barsize: 30,
    clearOnComplete: true,
    // The cursor would stay hidden after a second Ctrl-C.
    hideCursor: false,
    stream: process.stderr,
  });
  bar.start(steps, 0, { what: '' });
  return {
    update: (done, what) =>
      bar.update(Math.round(Math.min(1, Math.max(0, done)) * steps), { what }),
    [Symbol.dispose]: () => bar.stop(),
  };
}

const silent: Progress = { update: () => {}, [Symbol.dispose]: () => {} };
