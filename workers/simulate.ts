/** A thread of a pool that simulates clusters. */
export { runSeeds as default } from '../src/sim/task.js';
