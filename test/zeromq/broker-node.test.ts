import test from 'ava';
import type { RecordFields } from '../../src/replica/message-record.js';
import { PaperBroker } from './paper-broker.js';

const five = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
const three = five.slice(0, 3);

/** What a virtual client waits for an answer at most, in ms. */
const patienceMs = 2_500;
const noQuorum = /^request timed out: no quorum or no leader$/;

function errorOf({ message }: { readonly message: RecordFields }): string {
  return String(message['error'] ?? `no error but ${JSON.stringify(message)}`);
}

test('a node sends nothing before its helloResponse is acknowledged, whatever comes (7.5)', (t) => {
  using broker = new PaperBroker(three, { acknowledges: false });
  broker.start('node-1');

  broker.publish('node-1', { type: 'hello', destination: 'node-1' });
  const id = broker.set('node-1', 'a', '1');
  broker.set('node-1', null, '1');
  broker.publish('node-1', { type: 'preVote', source: 'node-2', term: 9 });
  broker.publish('node-1', { type: 'ack', original: { type: 'getResponse', id: 1 } });
  broker.publish('node-1', { type: 'ack' });
  broker.advance(4_000);

  t.true(broker.sent.length > 0);
  t.deepEqual([...new Set(broker.sent.map(({ message }) => message['type']))], ['helloResponse']);

  broker.acknowledges = true;
  broker.until(() => broker.answersTo(id).length > 0);
  broker.advance(1_000);

  t.is(
    broker.sent.findIndex(({ message }) => message['type'] === 'helloResponse'),
    0,
  );
  t.is(broker.answers.length, 2);
});

test('a node that hears no hello says so itself after a second, until it is heard (6.4)', (t) => {
  using broker = new PaperBroker(three, { acknowledges: false });
  broker.start('node-1');

  broker.advance(995);
  t.is(broker.sent.length, 0);

  broker.advance(5);
  t.is(broker.sent.length, 1);

  broker.advance(2_000);
  t.is(broker.sent.length, 3);

  broker.acknowledges = true;
  broker.advance(1_000);
  const before = broker.sent.filter(({ message }) => message['type'] === 'helloResponse').length;
  broker.advance(5_000);
  const after = broker.sent.filter(({ message }) => message['type'] === 'helloResponse').length;
  t.is(after, before);
});

test('hello is answered at any time, also while the node runs', (t) => {
  using broker = new PaperBroker(three);
  broker.startAll();
  broker.sent.length = 0;

  broker.publish('node-2', { type: 'hello', destination: 'node-2' });
  broker.advance(5);

  t.deepEqual(
    broker.sent.filter(({ message }) => message['type'] === 'helloResponse'),
    [{ source: 'node-2', message: { type: 'helloResponse', source: 'node-2' } }],
  );
});

test('every node answers get and set itself, once, with the id and the fields of 7.4', (t) => {
  using broker = new PaperBroker(three);
  broker.startAll();

  for (const name of three) {
    const set = broker.set(name, `key of ${name}`, 'ä\u0000"\ud800');
    t.like(broker.answer(set), {
      source: name,
      message: { type: 'setResponse', id: set, key: `key of ${name}`, value: 'ä\u0000"\ud800' },
    });
    for (const other of three) {
      const get = broker.get(other, `key of ${name}`);
      t.like(broker.answer(get), {
        source: other,
        message: { type: 'getResponse', id: get, key: `key of ${name}`, value: 'ä\u0000"\ud800' },
      });
    }
  }
  const missing = broker.get('node-3', 'foobar');
  t.deepEqual(broker.answer(missing).message, {
    type: 'getResponse',
    id: missing,
    error: 'No such key: foobar',
  });
  broker.advance(5_000);
  t.is(broker.answers.length, 13);
});

test('values keep their JSON type, and a long one comes in pieces', (t) => {
  using broker = new PaperBroker(three);
  broker.startAll();

  for (const value of [5, null, true, '', [1, { a: [] }], 'x'.repeat(600_000)]) {
    const set = broker.set('node-1', 'k', value);
    t.deepEqual(broker.answer(set).message['value'], value);
    const get = broker.get('node-2', 'k');
    t.deepEqual(broker.answer(get).message['value'], value);
  }
});

test('a request that cannot be served is answered with the reason', (t) => {
  using broker = new PaperBroker(three);
  broker.startAll();
  const ask = (key: RecordFields[string], value: RecordFields[string]): string =>
    errorOf(broker.answer(broker.set('node-2', key, value)));

  t.is(ask(null, '1'), 'a key is a string, not null');
  t.is(ask({ a: 1 }, '1'), 'a key is a string, not {"a":1}');
  t.regex(ask('k'.repeat(2_000), '1'), /^a key of 2000 bytes/);
  t.regex(ask('\ud800', '1'), /half a character/);
  t.regex(ask('k', 'x'.repeat(2 ** 21)), /^a value of \d+ bytes/);
  t.is(ask('k', 'x'.repeat(2 ** 20 - 8)), 'the request is too large');
});

test('an id that is no whole number is not answered: the answer would freeze the tool (8)', (t) => {
  using broker = new PaperBroker(three);
  broker.startAll();

  for (const id of ['4', 4.5, null, [1]]) {
    broker.publish('node-1', { type: 'get', id, key: 'a' });
    broker.publish('node-1', { type: 'set', id, key: 'a', value: '1' });
  }
  broker.publish('node-1', { type: 'get', key: 'a' });
  broker.advance(5_000);

  t.deepEqual(broker.answers, []);
});

test('a request that comes during an election is served after it', (t) => {
  using broker = new PaperBroker(three);
  const leader = broker.startAll();
  const others = three.filter((name) => name !== leader);
  broker.cut('cut', [leader]);
  broker.advance(700);

  const set = broker.set(others[0] ?? '', 'a', '1');
  const get = broker.get(others[1] ?? '', 'b');

  t.is(broker.answer(set).message['value'], '1');
  t.is(errorOf(broker.answer(get)), 'No such key: b');
});

for (const role of ['leader', 'follower']) {
  test(`a ${role} that is cut off answers with an error within 2.5 s, never with what it holds`, (t) => {
    using broker = new PaperBroker(five);
    const leader = broker.startAll();
    broker.answer(broker.set('node-1', 'a', 'old'));
    const lonely = role === 'leader' ? leader : (five.find((name) => name !== leader) ?? '');
    const healthy = five.find((name) => name !== lonely) ?? '';

    broker.cut('fail', [lonely]);
    const first = broker.get(lonely, 'a');
    const beganMs = broker.nowMs;
    broker.until(() => broker.answersTo(first).length > 0);
    t.regex(errorOf(broker.answersTo(first)[0] ?? { message: {} }), noQuorum);
    t.true(broker.nowMs - beganMs <= patienceMs);

    const set = broker.set(healthy, 'a', 'new');
    t.is(broker.answer(set).message['value'], 'new');
    for (let round = 0; round < 5; round += 1) {
      const askedMs = broker.nowMs;
      const get = broker.answer(broker.get(lonely, 'a'));
      t.regex(errorOf(get), noQuorum);
      t.true(get.atMs - askedMs <= patienceMs);
      const failed = broker.answer(broker.set(lonely, 'a', 'lost'));
      t.regex(errorOf(failed), noQuorum);
    }

    broker.held.heal('fail', { deliver: false });
    broker.advance(1_000);
    t.is(broker.answer(broker.get(lonely, 'a')).message['value'], 'new');
  });
}

test('a set that the lost leader may have kept is answered as in doubt', (t) => {
  using broker = new PaperBroker(three);
  const leader = broker.startAll();
  broker.cut('fail', [leader]);

  const answer = broker.answer(broker.set(leader, 'a', '1'));

  t.regex(errorOf(answer), /may have been done or not/);
  t.true(answer.atMs <= patienceMs + 2_000);
});

test('what a partition held back changes nothing when it is delivered late', (t) => {
  using broker = new PaperBroker(five);
  const leader = broker.startAll();
  broker.cut('minority', [leader]);
  const doomed = broker.set(leader, 'a', 'of the old leader');
  broker.answer(doomed);
  const lines = broker.lines.length;
  const successor = broker.untilLeader(lines);
  t.not(successor, leader);
  const set = broker.set(successor, 'a', 'of the new leader');
  t.is(broker.answer(set).message['value'], 'of the new leader');
  broker.advance(3_000);
  t.true(broker.held.held.length > 0);

  broker.held.heal('minority', { deliver: true });
  broker.advance(2_000);

  for (const name of five) {
    const get = broker.answer(broker.get(name, 'a'));
    t.is(get.message['value'], 'of the new leader', name);
  }
});

test('an answer of the leader to another life of a node finds nobody', (t) => {
  using broker = new PaperBroker(three);
  const leader = broker.startAll();
  const [node = '', other = ''] = three.filter((name) => name !== leader);
  broker.answer(broker.set(node, 'warm', 'up'));
  // The answers of the leader to the first life are on their way for long.
  broker.held.cut('one way', [leader], [node]);
  const first = broker.set(node, 'a', 'of the first life');
  broker.until(() => broker.answersTo(first).length > 0 || broker.held.held.length > 3);
  const late = broker.sent.findLast(({ message }) => message['type'] === 'redirectSetResponse');
  broker.start(node);
  broker.held.heal('one way', { deliver: false });
  broker.advance(3_000);
  t.truthy(late);

  const second = broker.set(node, 'b', 'of the second life');
  for (let number = 1; number < 10; number += 1) {
    broker.publish(node, { ...late?.message, source: leader, id: `1.${number}` });
  }
  broker.cut('silence', [node]);
  broker.advance(5_000);

  t.is(broker.answersTo(second).filter(({ message }) => 'error' in message).length, 1);
  broker.held.heal('silence', { deliver: true });
  broker.advance(3_000);
  t.true('value' in broker.answer(broker.get(other, 'warm')).message);
});

test('a message that no node would send is passed over', (t) => {
  using broker = new PaperBroker(three);
  const leader = broker.startAll();
  const strange: RecordFields[] = [
    { type: 'gossip', source: leader },
    { type: 'appendEntries', source: leader },
    { type: 'appendEntries', source: leader, term: 'two', prevLogIndex: 1 },
    { type: 'appendEntries', source: leader, term: 1, prevLogIndex: 0, entries: 5 },
    { type: 'appendEntries', source: leader, term: 1, prevLogIndex: 0, entries: [null] },
    { type: 'requestVote', source: 'nobody', term: 100 },
    { type: 'requestVote', term: 100 },
    { type: 'redirectSet', source: leader, commands: [{ op: 'drop', key: 'a' }] },
    { type: 'redirectSetResponse', source: leader, id: 7, error: 'weather' },
    { type: 'redirectSetResponse', source: leader, id: '1.1', error: 'weather' },
    { type: 'ack' },
    { type: 'hello', destination: ['node-1'] },
    {},
  ];

  for (const message of strange) for (const name of three) broker.publish(name, message);
  broker.advance(1_000);

  t.is(broker.answer(broker.set('node-1', 'a', '1')).message['value'], '1');
  t.is(broker.untilLeader(), leader);
});

for (const seed of ['1', '2', '3', '4', '5', '6', '7', '8']) {
  test(`under random partitions no read is older than an acknowledged set (seed ${seed})`, (t) => {
    using broker = new PaperBroker(five, { seed });
    const random = lehmer(Number(seed));
    broker.startAll();
    let acknowledged = 0;
    for (let round = 1; round <= 40; round += 1) {
      const name = five[random(five.length)] ?? '';
      const side = five.filter(() => random(2) === 0);
      broker.cut('weather', side);
      const set = broker.set(name, 'k', round);
      broker.advance(random(600));
      const floor = acknowledged;
      const get = broker.get(five[random(five.length)] ?? '', 'k');
      const found = broker.answer(get).message;
      if ('value' in found) t.true(Number(found['value']) >= floor, `${round}`);
      if ('value' in broker.answer(set).message) acknowledged = round;
      broker.held.heal('weather', { deliver: random(2) === 0 });
      broker.advance(random(900));
    }
    broker.advance(3_000);

    t.is(broker.answers.length, 80);
    const last = broker.answer(broker.get('node-1', 'k')).message;
    t.true(Number(last['value']) >= acknowledged);
  });
}

/** Small whole numbers that look random and repeat. */
function lehmer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state % below;
  };
}
