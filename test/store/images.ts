/** Whole snapshots, for tests that do not care about their pieces. */
import { bytesOf } from '../../src/store/state-image.js';
import type { StateMachine } from '../../src/store/state-machine.js';

export function snapshotOf(machine: StateMachine): Uint8Array {
  return bytesOf(machine.snapshot());
}

export function restore(machine: StateMachine, image: Uint8Array): void {
  const intake = machine.restore();
  intake.write(image);
  intake.finish();
}
