/** The clock of one node: it may run too fast or too slow, and it may jump. */
import type { VirtualTime } from './virtual-time.js';

export class LocalClock {
  readonly #time: VirtualTime;
  readonly #rate: number;
  #jumpedMs = 0;

  constructor(time: VirtualTime, rate: number) {
    this.#time = time;
    this.#rate = rate;
  }

  nowMs(): number {
    return this.#time.nowMs() * this.#rate + this.#jumpedMs;
  }

  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  /** The true time that passes while this clock counts `ms`. */
  trueMs(ms: number): number {
    return ms / this.#rate;
  }
}
