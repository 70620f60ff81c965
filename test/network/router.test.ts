import test from 'ava';
import { allocateLink, LinkMemory } from '../../src/actor/link.js';
import { Router } from '../../src/network/router.js';
import { ManualClock } from '../store/manual-clock.js';

/** Three nodes and as many clients as asked for, on links that nobody uses. */
function routerOf(clients: number): { router: Router; asked: string[]; memories: LinkMemory[] } {
  const nodes = ['n1', 'n2', 'n3'];
  const names = Array.from({ length: clients }, (_, at) => `c${at + 1}`);
  const actors = new Map([...nodes, ...names].map((name, at) => [name, at + 1]));
  const asked: string[] = [];
  const memories: LinkMemory[] = [];
  const router = new Router({
    nodes,
    clients: names,
    seed: 1,
    clock: new ManualClock(),
    ports: {
      linkTo: () => undefined,
      linkMemory: (from, to) => {
        asked.push(`${from}>${to}`);
        const memory = new LinkMemory(allocateLink(from, to, { controlBytes: 64, bulkBytes: 64 }));
        memories.push(memory);
        return memory;
      },
    },
    endOf: (actor) => [...actors.keys()][actor - 1] ?? '',
    actors: () => actors,
    kindOf: String,
  });
  return { router, asked, memories };
}

test('a refresh looks at each link once, and clients have none between them', (t) => {
  const { router, asked, memories } = routerOf(50);

  router.refresh();

  // Two ways between three nodes, and between each of them and each client.
  t.is(asked.length, 3 * 2 + 3 * 50 * 2);
  t.is(new Set(asked).size, asked.length);
  t.true(memories.every(({ isRouted }) => !isRouted));
});

test('a refresh routes the links that a rule acts on, and no others', (t) => {
  const { router, asked, memories } = routerOf(2);
  router.network.install({ effect: { kind: 'drop' }, between: { from: ['n1'], to: ['n2'] } });
  asked.length = 0;
  memories.length = 0;

  router.refresh();

  t.deepEqual(
    asked.filter((_, at) => memories[at]?.isRouted),
    ['1>2'],
  );
});
