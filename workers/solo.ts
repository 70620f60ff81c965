/** The thread of the store without consensus. */
import { runSolo } from '../src/replica/solo.js';

await runSolo();
