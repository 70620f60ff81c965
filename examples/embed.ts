/** The store, embedded: node dist/examples/embed.js */
import { createCluster } from '../src/index.js';

await using cluster = await createCluster({ size: 3 });

await cluster.set('greeting', { text: 'hello' });
console.log('greeting:', await cluster.get('greeting'));

const first = await cluster.cas('counter', undefined, 1);
const second = await cluster.cas('counter', undefined, 1);
console.log('counter created once:', first.succeeded, second.succeeded);

await cluster.setMany([
  ['a', 1],
  ['b', 2],
]);
console.log('one batch:', await cluster.getMany(['a', 'b']));

const leader = await cluster.waitForLeader();
await cluster.crash('leader');
console.log('after the death of the leader:', await cluster.get('greeting'));
console.log('another one leads:', (await cluster.waitForLeader()) !== leader);
