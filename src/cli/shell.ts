/** Lines from a person: a prompt, editing, history and completion, and output that stays clear. */
import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { ChiSession } from '../chistributed/index.js';

const prompt = '> ';
const historySize = 1_000;

/**
 * The lines that a person types at the terminal.
 *
 * The prompt appears when a line is asked for. What is printed meanwhile goes above it, through
 * `print`. Ctrl-D ends the lines; Ctrl-C is passed on to the process.
 */
export class Shell implements AsyncIterableIterator<string> {
  readonly #output: NodeJS.WriteStream;
  readonly #interface: Interface;
  readonly #typed: string[] = [];
  #asking: ((result: IteratorResult<string>) => void) | undefined;
  #isClosed = false;

  constructor(session: ChiSession) {
    const { stdin: input, stdout: output } = process;
    this.#output = output;
    this.#interface = createInterface({
      input,
      output,
      prompt,
      terminal: output.isTTY === true,
      historySize,
      removeHistoryDuplicates: true,
      completer: (line: string) => {
        const { candidates, fragment } = session.complete(line);
        const [only] = candidates;
        // What is whole is followed by a space, so that the next word can be typed.
        const isWhole = candidates.length === 1 && only?.endsWith('/') === false;
        return [isWhole ? [`${only} `] : [...candidates], fragment];
      },
    });
    this.#interface.on('line', (line) => this.#answer(line));
    this.#interface.on('close', () => this.#close());
    // In raw mode the terminal leaves it to us to make a signal of the key.
    this.#interface.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<string>> {
    const line = this.#typed.shift();
    if (line !== undefined) return Promise.resolve({ done: false, value: line });
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#asking = resolve;
      this.#interface.prompt();
    });
  }

  return(): Promise<IteratorResult<string>> {
    this.#interface.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Calls `write` with the prompt out of the way, and puts it back with what was typed. */
  print(write: () => void): void {
    if (this.#asking === undefined || this.#isClosed || this.#output.isTTY !== true) {
      write();
      return;
    }
    clearLine(this.#output, 0);
    cursorTo(this.#output, 0);
    write();
    this.#interface.prompt(true);
  }

  #answer(line: string): void {
    if (this.#asking === undefined) {
      this.#typed.push(line);
      return;
    }
    const asking = this.#asking;
    this.#asking = undefined;
    asking({ done: false, value: line });
  }

  #close(): void {
    this.#isClosed = true;
    this.#asking?.({ done: true, value: undefined });
    this.#asking = undefined;
  }
}
