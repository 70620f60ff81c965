/** Where the lines of a run go. Colours on a terminal only. */

/** A place for text. `process.stdout` is one. */
export interface ChiOutput {
  write(text: string): unknown;
  /** Whether colours are understood. Default: false. */
  readonly isTTY?: boolean;
}

const colours = { red: '\u001b[31m', green: '\u001b[32m', yellow: '\u001b[33m' } as const;
const bright = '\u001b[1m';
const reset = '\u001b[0m';

export type Colour = keyof typeof colours;

export class Printer {
  readonly #stdout: ChiOutput;
  readonly #stderr: ChiOutput;

  constructor(stdout: ChiOutput, stderr: ChiOutput) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** A line of ordinary output. */
  line(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  lines(texts: Iterable<string>): void {
    for (const text of texts) this.line(text);
  }

  /** An answer of a node, or a warning about one: standard output too. */
  answer(colour: Colour, text: string): void {
    this.line(painted(this.#stdout, bright + colours[colour], text));
  }

  /** `ERROR: TEXT` on standard error. */
  error(text: string): void {
    this.#complain('red', `ERROR: ${text}`);
  }

  /** Something that the run says about itself, on standard error. */
  warning(text: string): void {
    this.#complain('yellow', `WARNING: ${text}`);
  }

  /** A line that failed, in the tool's own two lines, wrong advice included. */
  exception(type: string, text: string): void {
    this.#complain('red', `EXCEPTION of type '${type}' occurred with message: '${text}'`);
    this.#complain(
      'yellow',
      "To enable full traceback, run the following command:  'set debug true'",
    );
  }

  /** Text for standard error as it is. */
  trace(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  #complain(colour: Colour, text: string): void {
    this.#stderr.write(`${painted(this.#stderr, colours[colour], text)}\n`);
  }
}

function painted(output: ChiOutput, codes: string, text: string): string {
  return output.isTTY === true ? `${codes}${text}${reset}` : text;
}
