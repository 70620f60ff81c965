/** The thread of one node. */
import { runNode } from '../src/replica/node.js';

await runNode();
