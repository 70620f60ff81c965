/**
 * A queue of jobs of your own, replicated: node dist/examples/bring-your-own-state-machine.js
 *
 * The machine is in `job-queue-machine.ts`. Here it is used: a job is handed out once, though the
 * leader dies while workers take them, and every node ends with the same queue.
 */
import { createCluster, RaftError } from '../src/index.js';
import type { Command, Question } from './job-queue-machine.js';

await using cluster = await createCluster({
  stateMachine: new URL('./job-queue-machine.js', import.meta.url),
});
const submit = (command: Command) => cluster.submit(command);
const query = (question: Question) => cluster.query(question);

const jobs = Array.from({ length: 60 }, (_, at) => `job ${at}`);
await Promise.all(jobs.map((job) => submit({ kind: 'add', job })));
console.log('waiting:', await query({ kind: 'waiting' }));

// The leader dies while the jobs are taken. Whatever is sent again on the way is done once.
const taking = jobs.map((_, at) => submit({ kind: 'take', worker: `w${at % 3}` }));
const [results] = await Promise.all([Promise.all(taking), cluster.crash('leader')]);
console.log('different jobs handed out:', new Set(results.map(({ result }) => result)).size);
console.log('one more:', (await submit({ kind: 'take', worker: 'w0' })).result);

const lists = await Promise.all(
  ['w0', 'w1', 'w2'].map((worker) => query({ kind: 'taken', worker }) as Promise<string[]>),
);
console.log('the machine remembers:', lists.flat().length);

// A machine that throws rejects the call, and the state is as it was.
const refusal = await cluster.submit({ kind: 'steal' }).catch((error: RaftError) => error);
console.log('a bad command:', refusal instanceof RaftError && refusal.code);

await cluster.waitForConverged();
console.log('all nodes have the same queue');
