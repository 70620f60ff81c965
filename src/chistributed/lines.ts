/** The lines of a run in their order: those of the script first, then those of an input. */
import type { ScriptLines } from './script.js';

export interface LineSources {
  readonly script: ScriptLines;
  /** Default: the lines end with the script. */
  readonly input?: AsyncIterable<string> | undefined;
  /** Ends the lines when aborted, also while the input keeps its next one waiting. */
  readonly signal: AbortSignal;
}

/** Every line of the input is followed by what it made the script load. */
export async function* allLines({ script, input, signal }: LineSources): AsyncGenerator<string> {
  yield* scripted(script, signal);
  if (input === undefined) return;
  const iterator = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next === undefined || next.done === true) return;
      yield next.value;
      yield* scripted(script, signal);
    }
  } finally {
    // Not awaited: an input that waits for its user would not end before the user does something.
    void iterator.return?.().catch(() => undefined);
  }
}

function* scripted(script: ScriptLines, signal: AbortSignal): Generator<string> {
  for (let line = script.next(); line !== undefined; line = script.next()) {
    if (signal.aborted) return;
    yield line;
  }
}

/** What the promise resolves to, or `undefined` once the signal aborts. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const interrupt = (): void => resolve(undefined);
    if (signal.aborted) interrupt();
    signal.addEventListener('abort', interrupt);
    promise.finally(() => signal.removeEventListener('abort', interrupt)).then(resolve, reject);
  });
}
