/**
 * Transcripts of whole conversations, in `scenarios/*.txt`, to be read and reviewed as a diff.
 *
 *     UPDATE_SCENARIOS=1 npx ava test/raft/scenarios.test.ts      writes them anew
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { Message } from '../../src/raft/index.js';
import { Conversation } from './harness/conversation.js';
import { append } from './harness/messages.js';
import type { NetworkOptions } from './harness/network.js';

const folder = new URL('../../../test/raft/scenarios/', import.meta.url);
const { UPDATE_SCENARIOS } = process.env;
const basic: NetworkOptions = { preVote: false, checkQuorum: false };

function scenario(name: string, options: NetworkOptions, play: (c: Conversation) => void): void {
  test(`transcript: ${name.replaceAll('-', ' ')}`, (t) => {
    const conversation = new Conversation(options);
    play(conversation);
    const file = new URL(`${name}.txt`, folder);
    if (UPDATE_SCENARIOS === '1') writeFileSync(file, conversation.transcript);
    t.is(conversation.transcript, readFileSync(file, 'utf8'));
  });
}

scenario('first-election', {}, (c) => {
  c.tell('Three nodes start. The timer of n1 fires first; it asks before it campaigns.');
  c.act('ten ticks pass', () => c.net.tick(10));
  c.tell('The noop of the term is committed; the next tick tells the followers so.');
  c.act('a tick passes', () => c.net.tick());
  c.logs();
});

scenario('two-proposals-in-one-message', {}, (c) => {
  c.actQuietly('n1 is elected', () => c.net.tick(11));
  c.tell('Two commands come in before the node takes its batch: they share one AppendEntries.');
  c.act('a and b are proposed at n1', () => {
    const { raft } = c.net.node('n1');
    raft.propose(new TextEncoder().encode('a'));
    raft.propose(new TextEncoder().encode('b'));
    c.net.at('n1', (node) => node.run());
  });
  c.tell('No message is spent on a commit: the next append carries it.');
  c.act('c is proposed at n1', () => c.net.propose('n1', 'c'));
  c.logs();
});

scenario('pre-vote-after-partition', {}, (c) => {
  c.actQuietly('n1 is elected', () => c.net.tick(11));
  c.tell('n3 is cut off for three election timeouts. It asks in vain, and its term stays.');
  c.net.isolate('n3');
  c.actQuietly('thirty ticks pass', () => c.net.tick(30));
  c.logs();
  c.tell('Back again it is still asking; the others hear their leader and refuse.');
  c.act('the partition heals, n3 asks once more', () => {
    c.net.heal();
    c.net.at('n3', (node) => node.campaign());
  });
  c.act('two ticks pass', () => c.net.tick(2));
});

scenario('split-vote', { ...basic, size: 4 }, (c) => {
  c.tell('Two of four campaign at once and both get two votes, which is no majority of four.');
  c.act('n1 and n2 campaign', () => {
    const { net } = c;
    net.drop = ({ kind, from, to }) =>
      kind === 'request-vote' && ['n1>n4', 'n2>n3'].includes(`${from}>${to}`);
    net.at('n1', (node) => node.campaign());
    net.at('n2', (node) => node.campaign());
  });
  c.net.heal();
  c.tell('The timers differ, so the next round has one candidate only.');
  c.act('ten ticks pass', () => c.net.tick(10));
});

scenario(
  'figure-7-catch-up',
  {
    ...basic,
    size: 7,
    each: (id) => ({ terms: figure7[id] ?? [], hardState: { currentTerm: 7 } }),
  },
  (c) => {
    c.tell('The logs of figure 7. n1 leads term 8 and brings everybody to its own log.');
    c.logs();
    c.act('n1 campaigns', () => c.net.at('n1', (node) => node.campaign()));
    c.act('a tick passes', () => c.net.tick());
    c.logs();
  },
);

const figure7: Record<string, number[]> = {
  n1: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
  n2: [1, 1, 1, 4, 4, 5, 5, 6, 6],
  n3: [1, 1, 1, 4],
  n4: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  n5: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  n6: [1, 1, 1, 4, 4, 4, 4],
  n7: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
};

/** Figure 8 up to (c): entry 2/1 is on a majority, and n1 leads term 3. */
function playFigure8(c: Conversation): void {
  const { net } = c;
  c.actQuietly('n1 leads term 1', () => net.at('n1', (node) => node.campaign()));
  c.tell('(a) n1 leads term 1 and reaches n2 only with its second entry.');
  c.act('a is proposed at n1, which hears n2 only', () => {
    net.partition('n1', 'n2');
    net.propose('n1', 'a');
  });
  c.tell('(b) n1 crashes. n5 wins term 2 with n3 and n4, and its entries reach nobody.');
  c.act('n1 crashes, n5 campaigns, its appends are lost', () => {
    net.node('n1').crash();
    net.drop = ({ kind }: Message) => kind === 'append-entries';
    net.at('n5', (node) => node.campaign());
  });
  c.logs();
  c.tell('(c) n5 crashes. n1 wins term 3. Entry 2/1 reaches a majority, the new one does not.');
  c.actQuietly('n5 crashes, n1 restarts and campaigns twice; entries of term 3 get lost', () => {
    net.node('n5').crash();
    net.heal();
    net.isolate('n4');
    net.drop = (message) =>
      message.kind === 'append-entries' && message.entries.some(({ term }) => term === 3);
    net.node('n1').restart();
    net.at('n1', (node) => node.campaign());
    net.settle();
    net.at('n1', (node) => node.campaign());
  });
  c.act('n1 sends entry 2/1 alone', () => {
    const entries = net.node('n1').log.slice(1, 2);
    for (const to of ['n2', 'n3']) {
      net.queue.push(append({ from: 'n1', to, term: 3, prev: [1, 1], entries, leaderCommit: 0 }));
    }
  });
  c.logs();
  c.tell('Entry 2/1 is on a majority and still not committed (§5.4.2).');
}

scenario('figure-8-old-entry-replaced', { ...basic, size: 5 }, (c) => {
  const { net } = c;
  playFigure8(c);
  c.tell('(d) n1 crashes. n5 wins a later term, and its entry 2/2 replaces 2/1 on all.');
  c.actQuietly('n1 crashes, n5 restarts and campaigns twice', () => {
    net.node('n1').crash();
    net.heal();
    net.node('n5').restart();
    net.at('n5', (node) => node.campaign());
    net.settle();
    net.at('n5', (node) => node.campaign());
  });
  c.act('a tick passes', () => net.tick());
  c.logs();
});

scenario('figure-8-old-entry-committed', { ...basic, size: 5 }, (c) => {
  const { net } = c;
  playFigure8(c);
  c.tell('(e) The entry of term 3 gets through: it commits, and 2/1 with it.');
  c.act('nothing is lost any more, two ticks pass', () => {
    net.heal();
    net.isolate('n4', 'n5');
    net.tick(2);
  });
  c.tell('n5 can no longer win.');
  c.act('n5 restarts and campaigns', () => {
    net.heal();
    net.node('n5').restart();
    net.at('n5', (node) => node.campaign());
  });
  c.logs();
});

scenario('leadership-transfer', {}, (c) => {
  const { net } = c;
  c.actQuietly('n1 is elected', () => net.tick(11));
  c.tell('n3 misses an entry. It gets that first, then the order to campaign.');
  c.actQuietly('n3 is cut off, a is proposed, three ticks pass', () => {
    net.isolate('n3');
    net.propose('n1', 'a');
    net.tick(3);
  });
  net.heal();
  c.act('n1 is asked to hand over to n3', () => net.at('n1', (node) => node.transfer('n3')));
  c.logs();
});

scenario('read-index-under-isolation', {}, (c) => {
  const { net } = c;
  c.actQuietly('n1 is elected', () => net.tick(11));
  c.tell('A read at the leader, and one at a follower that asks the leader.');
  c.act('a read is asked at n1', () => net.at('n1', (node) => node.read()));
  c.act('a read is asked at n2', () => net.at('n2', (node) => node.read()));
  c.tell('n1 is cut off: its read is never confirmed, and ends when n1 resigns.');
  c.act('n1 is isolated, a read is asked there', () => {
    net.isolate('n1');
    net.at('n1', (node) => node.read());
  });
  c.actQuietly('fifteen ticks pass, n2 takes over', () => net.tick(15));
  c.act('b is proposed at n2', () => net.propose('n2', 'b'));
  c.act('a read is asked at n2', () => net.at('n2', (node) => node.read()));
});

scenario('deposed-leader-rejoins', {}, (c) => {
  const { net } = c;
  c.actQuietly('n1 is elected', () => net.tick(11));
  c.tell('n1 takes three commands that reach nobody; the others elect n2 and commit one.');
  c.actQuietly('n1 is isolated, x y z are proposed there, n2 takes over and commits a', () => {
    net.isolate('n1');
    for (const text of ['x', 'y', 'z']) net.propose('n1', text);
    net.tick(15);
    net.propose('n2', 'a');
    net.tick();
  });
  c.logs();
  c.tell('n1 comes back as a follower, and its tail goes.');
  net.heal();
  c.act('three ticks pass', () => net.tick(3));
  c.logs();
});

scenario(
  'window-full',
  { inflightEntriesMax: 3, checkQuorum: false, preVote: false, size: 2 },
  (c) => {
    const { net } = c;
    c.actQuietly('n1 is elected', () => net.at('n1', (node) => node.campaign()));
    c.tell('Three entries may be under way. All appends get lost; the fourth is not even sent.');
    c.act('a, b, c, d are proposed, appends get lost', () => {
      net.drop = ({ kind }) => kind === 'append-entries';
      for (const text of ['a', 'b', 'c', 'd']) net.propose('n1', text);
    });
    c.tell(
      'An answered heartbeat lets one empty append through, and that finds out what is missing.',
    );
    net.heal();
    c.act('two ticks pass', () => net.tick(2));
    c.logs();
  },
);
