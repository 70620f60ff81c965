/** The thread of a run of `balsa chi batch`. */
export { runBatchTask as default } from '../src/chistributed/batch-task.js';
