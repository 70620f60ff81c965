/** Reads a history from bytes, as they come. */
import { invalidHistory, parseEvent } from './event.js';
import { type NumberedEvent, type Operation, pairEvents } from './operation.js';

/**
 * Reads JSON lines in UTF-8 to their end and resolves to the operations, by invocation.
 *
 * Blank lines, a byte order mark and CRLF are allowed. Rejects with `RAFT_INVALID_HISTORY`, and
 * with whatever `chunks` throws.
 */
export async function readHistory(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Operation[]> {
  const events: NumberedEvent[] = [];
  const lines = new Lines((text, line) => {
    if (/\S/.test(text)) events.push({ event: parseEvent(text, line), line });
  });
  for await (const chunk of chunks) lines.add(chunk);
  lines.end();
  return pairEvents(events);
}

/** Cuts chunks of bytes into lines. */
class Lines {
  // Fatal: a replacement character would make different keys and values equal.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #onLine: (text: string, line: number) => void;
  #line = 1;
  #rest: string[] = [];

  constructor(onLine: (text: string, line: number) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Uint8Array): void {
    const [first = '', ...others] = this.#decode(chunk).split('\n');
    this.#rest.push(first);
    for (const next of others) {
      this.#finish();
      this.#rest.push(next);
    }
  }

  end(): void {
    this.#rest.push(this.#decode(undefined));
    this.#finish();
  }

  #finish(): void {
    const text = this.#rest.length === 1 ? (this.#rest[0] ?? '') : this.#rest.join('');
    this.#onLine(text, this.#line);
    this.#line += 1;
    this.#rest = [];
  }

  #decode(bytes: Uint8Array | undefined): string {
    try {
      return bytes === undefined
        ? this.#decoder.decode()
        : this.#decoder.decode(bytes, { stream: true });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw invalidHistory(this.#line, 'or one soon after it is not UTF-8');
    }
  }
}
