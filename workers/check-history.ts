/** A thread of a pool that looks for linearizations. */
export { runCheckTask as default } from '../src/chaos/check-task.js';
