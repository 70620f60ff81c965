/** A file of its own: ava gives it a process of its own, whose memory nothing else moves. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { createCluster } from '../../src/index.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function comeAndGo(clusters: number): Promise<number> {
  for (let round = 0; round < clusters; round += 1) {
    const cluster = await createCluster({ size: 5 });
    await cluster.close();
    collect();
  }
  return process.memoryUsage.rss() / 2 ** 20;
}

test('clusters that come and go leave no memory behind', async (t) => {
  t.timeout(180_000);
  const before = await comeAndGo(4);

  const grownMebibytes = (await comeAndGo(8)) - before;

  t.true(grownMebibytes < 150, `${grownMebibytes} MiB for 8 clusters with 40 MiB of rows each`);
});
