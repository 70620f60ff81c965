/** A thread of a pool that puts load on a cluster. */
export { runLoadTask as default } from '../benchmarks/load-thread.js';
