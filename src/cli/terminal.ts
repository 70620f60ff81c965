/**
 * What a command has around it: two streams, whether a person looks at them, and the signal that
 * ends it.
 */
import pc from 'picocolors';

type Colours = ReturnType<typeof pc.createColors>;

/** A stream that a command writes to. */
export interface Output {
  write(text: string): void;
  /** Whether a person looks at it: progress is shown there only. */
  readonly isTerminal: boolean;
  /** Identity functions off a terminal, and where `NO_COLOR` asks for none. */
  readonly colours: Colours;
}

export interface Terminal {
  /** What was asked for. */
  readonly stdout: Output;
  /** What goes on meanwhile, and what went wrong. */
  readonly stderr: Output;
  /** Aborted when the command is to close what it has opened and end. */
  readonly signal: AbortSignal;
}

/** The terminal of this process. */
export function createTerminal(signal: AbortSignal): Terminal {
  const { stdout, stderr, env } = process;
  return { stdout: createOutput(stdout, env), stderr: createOutput(stderr, env), signal };
}

/** What is needed of a stream of the process. */
export interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function createOutput(
  stream: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Output {
  const isTerminal = stream.isTTY === true;
  // Not picocolors' own guess: it colours the logs of every CI, which are no terminal.
  const isPlain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    write: (text) => {
      stream.write(text);
    },
    isTerminal,
    colours: pc.createColors(isTerminal && !isPlain),
  };
}
