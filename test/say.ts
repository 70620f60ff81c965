/** Says something before it goes on, whatever becomes of the process then. */
import { writeSync } from 'node:fs';

const pauseMs = 1;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Returns when the pipe has all of it: one whose reader is behind takes a part, or nothing yet. */
export function say(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, pauseMs);
    }
  }
}
