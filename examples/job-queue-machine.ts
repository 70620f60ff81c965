/**
 * A state machine of your own: a queue of jobs, each of which is handed out once.
 *
 * Every node imports this module in its own thread and applies the same commands in the same order.
 * So nothing here may depend on a clock, on chance or on anything outside.
 */
import type { Machine } from '../src/index.js';

/** What `submit` takes. `take` gives the job, or null if there is none. */
export type Command =
  | { readonly kind: 'add'; readonly job: string }
  | { readonly kind: 'take'; readonly worker: string };

/** What `query` takes: how many jobs wait, or which jobs a worker has taken. */
export type Question =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'taken'; readonly worker: string };

interface State {
  readonly waiting: string[];
  readonly taken: Record<string, string[]>;
}

export function createStateMachine(): Machine {
  let state: State = { waiting: [], taken: {} };
  return {
    apply(command: Command) {
      if (command.kind === 'add') return state.waiting.push(command.job);
      if (command.kind !== 'take') throw new Error('a job queue knows add and take');
      const job = state.waiting.shift();
      if (job === undefined) return null;
      state.taken[command.worker] = [...(state.taken[command.worker] ?? []), job];
      return job;
    },
    query(question: Question) {
      if (question.kind === 'waiting') return state.waiting.length;
      return state.taken[question.worker] ?? [];
    },
    snapshot: () => Buffer.from(JSON.stringify(state)),
    restore(image) {
      state = JSON.parse(Buffer.from(image).toString()) as State;
    },
  };
}
