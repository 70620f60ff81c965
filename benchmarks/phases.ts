/** Tells how far a measurement is: what goes on now, and the share of the time that has gone by. */
import { systemClock } from '../src/clock.js';

export type OnPhase = (done: number, phase: string) => void;

const tellEveryMs = 250;

export class Phases implements Disposable {
  readonly #onPhase: OnPhase;
  readonly #seconds: number;
  readonly #beganMs: number = systemClock.nowMs();
  readonly #ticking: NodeJS.Timeout;
  #phase = '';

  /** `seconds` is how long all phases take together, as far as one can know. */
  constructor(seconds: number, onPhase: OnPhase) {
    this.#onPhase = onPhase;
    this.#seconds = seconds;
    this.#ticking = setInterval(() => this.#tell(), tellEveryMs).unref();
  }

  begin(phase: string): void {
    this.#phase = phase;
    this.#tell();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticking);
  }

  #tell(): void {
    const elapsedSeconds = (systemClock.nowMs() - this.#beganMs) / 1_000;
    this.#onPhase(Math.min(1, elapsedSeconds / this.#seconds), this.#phase);
  }
}
