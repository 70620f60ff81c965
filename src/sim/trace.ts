/**
 * The trace of a run: a line for everything that happened, and one number that stands for all of
 * them. Two runs with the same number went the same way.
 */
import type { Message } from '../raft/index.js';
import { decodeMessage, frameName } from '../replica/wire.js';
import { clientFrame } from '../store/protocol.js';
import type { SimFrame } from './inbox.js';

export class Trace {
  readonly #sink: ((line: string) => void) | undefined;
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;
  #events = 0;

  /** Without a sink no line is made, only the number. */
  constructor(sink?: (line: string) => void) {
    this.#sink = sink;
  }

  /** Everything that was noted so far, in 16 hexadecimal digits. */
  get digest(): string {
    return hex(this.#high) + hex(this.#low);
  }

  get events(): number {
    return this.#events;
  }

  /** A frame has arrived. */
  arrived(nowMs: number, frame: SimFrame, nameOf: (actor: number) => string): void {
    this.#note(nowMs);
    this.#mix(frame.source * 0x10000 + frame.destination);
    this.#mix(frame.kind);
    const { bytes, start, end } = frame;
    // The first words of a message between nodes say which it is. Frames of clients are padded with
    // whatever lay there, so they go by their length and their id.
    if (frame.kind < clientFrame.write) {
      for (let at = start; at + 4 <= end && at < start + 56; at += 4) {
        this.#mix(bytes.readInt32LE(at));
      }
    }
    this.#mix(frame.correlationId);
    this.#mix(end - start);
    if (this.#sink === undefined) return;
    const source = nameOf(frame.source);
    const destination = nameOf(frame.destination);
    const message = decodeMessage(frame, source, destination);
    const what = message === undefined ? `${frame.correlationId}` : describeMessage(message);
    this.#line(nowMs, `${source} > ${destination}  ${frameName(frame.kind)} ${what}`);
  }

  /** Anything else, in words that are the same each time. */
  note(nowMs: number, text: string): void {
    this.#note(nowMs);
    for (let at = 0; at < text.length; at += 1) this.#mix(text.charCodeAt(at));
    this.#line(nowMs, text);
  }

  /** Something for the reader only: it happens in no run that nobody watches. */
  remark(nowMs: number, text: string): void {
    this.#line(nowMs, text);
  }

  /** A node has done a turn and is now so far. */
  turned(nowMs: number, node: number, commitIndex: number, currentTerm: number): void {
    this.#note(nowMs);
    this.#mix(node);
    this.#mix(commitIndex);
    this.#mix(currentTerm);
  }

  #note(nowMs: number): void {
    this.#events += 1;
    const ms = Math.floor(nowMs);
    this.#mix(ms);
    this.#mix((nowMs - ms) * 2 ** 31);
  }

  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193);
    this.#low = Math.imul(this.#low ^ (this.#high >>> 15) ^ word, 0x85ebca6b);
  }

  #line(nowMs: number, text: string): void {
    this.#sink?.(`${nowMs.toFixed(3).padStart(12)}  ${text}`);
  }
}

/** The fields of a message that tell it from others of its kind. */
function describeMessage(message: Message): string {
  const { kind, from: _from, to: _to, ...fields } = message;
  const parts = Object.entries(fields).map(([name, value]) => {
    return `${name}=${Array.isArray(value) ? `[${value.length}]` : String(value)}`;
  });
  return parts.join(' ');
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
