/** The executable as the broker of chistributed sees it: processes, sockets, time. */
import test from 'ava';
import { loadZeromq } from '../../src/zeromq/broker-sockets.js';
import { type Answer, Broker, runNode } from './broker.js';

// Each name is the beginning of the next: subscriptions match by prefix.
const names = ['node-1', 'node-10', 'node-100'];
const errors = /^(request timed out: no quorum or no leader|the leader was lost before)/;

/** Asks until there was a majority to answer: on a busy machine an election may take longer. */
async function served(ask: () => Promise<Answer>): Promise<Answer['message']> {
  for (let tries = 1; ; tries += 1) {
    const { message } = await ask();
    if (tries === 20 || !errors.test(String(message['error']))) return message;
  }
}

test.serial('the optional package zeromq is installed, or nothing below was tested', async (t) => {
  await t.notThrowsAsync(loadZeromq());
});

test.serial('without the package the error says what to install', async (t) => {
  const cause = new Error("Cannot find package 'zeromq'\nsome more");

  const error = await t.throwsAsync(loadZeromq(() => Promise.reject(cause)));

  t.like(error, { code: 'RAFT_ZEROMQ_MISSING', cause });
  t.regex(error?.message ?? '', /Cannot find package 'zeromq'\); npm install zeromq@6$/);
});

test.serial('every node gets and sets; a failed one errs and catches up', async (t) => {
  await using broker = await Broker.open(names);
  await broker.startAll();

  for (const name of names) {
    const message = await served(() => broker.set(name, `k of ${name}`, 'né'));
    t.like(message, { key: `k of ${name}`, value: 'né' });
  }
  for (const name of names) {
    t.like(await served(() => broker.get(name, 'k of node-10')), { value: 'né' });
  }
  const missing = await served(() => broker.get('node-1', 'foobar'));
  t.like(missing, { error: 'No such key: foobar' });

  broker.cut('#fail-node-1#', ['node-1']);
  t.regex(String((await broker.get('node-1', 'k of node-1')).message['error']), errors);
  t.regex(String((await broker.set('node-1', 'k of node-1', 'lost')).message['error']), errors);
  const set = await served(() => broker.set('node-100', 'k of node-1', 'new'));
  t.like(set, { value: 'new' });
  t.regex(String((await broker.get('node-1', 'k of node-1')).message['error']), errors);

  broker.heal('#fail-node-1#', { deliver: false });
  t.like(await served(() => broker.get('node-1', 'k of node-1')), { value: 'new' });
  t.deepEqual(broker.faults, []);
});

test.serial(
  'messages between nodes have the names of the course and readable fields',
  async (t) => {
    await using broker = await Broker.open(['a', 'b', 'c']);
    await broker.startAll();

    for (const name of broker.names) await served(() => broker.set(name, 'key', { n: 1 }));
    for (const name of broker.names) await served(() => broker.get(name, 'key'));

    const types = new Set(broker.customs.map(({ message }) => String(message['type'])));
    for (const type of [
      ...['preVote', 'preVoteResponse', 'requestVote', 'requestVoteResponse'],
      ...['appendEntries', 'appendEntriesResponse', 'redirectSet', 'redirectSetResponse'],
      ...['redirectGet', 'redirectGetResponse', 'roundTrip', 'roundTripResponse'],
    ]) {
      t.true(types.delete(type), type);
    }
    t.deepEqual([...types], []);
    for (const { source, message } of broker.customs) t.is(message['source'], source);
    const redirected = broker.customs.find(({ message }) => message['type'] === 'redirectSet');
    t.like(redirected?.message, { commands: [{ op: 'set', key: 'key', value: { n: 1 } }] });
    const appended = JSON.stringify(broker.customs);
    t.true(appended.includes('"commands":[{"op":"set","key":"key","value":{"n":1}}]'));
  },
);

test.serial(
  'two and two nodes fail every request, and serve when they are one again',
  async (t) => {
    await using broker = await Broker.open(['a', 'b', 'c', 'd']);
    await broker.startAll();
    t.like(await served(() => broker.set('a', 'k', '1')), { value: '1' });

    broker.cut('half', ['a', 'b']);
    const requests = broker.names.flatMap((name) => [
      broker.get(name, 'k'),
      broker.set(name, 'k', '2'),
    ]);
    for (const { message } of await Promise.all(requests))
      t.regex(String(message['error']), errors);
    t.true(broker.held.length > 0);

    broker.heal('half', { deliver: true });
    t.like(await served(() => broker.set('d', 'k', '3')), { value: '3' });
    t.like(await served(() => broker.get('a', 'k')), { value: '3' });
    t.deepEqual(broker.faults, []);
  },
);

test.serial(
  'a second start announces itself, and goes on with the state of the first',
  async (t) => {
    await using broker = await Broker.open(['a', 'b', 'c']);
    await broker.start('b');
    await broker.start('c');
    const first = broker.spawn('a');
    await broker.heard('a');
    await served(() => broker.set('b', 'k', '1'));
    first.process.kill('SIGKILL');
    await first.ended;

    await broker.start('a');

    t.like(await served(() => broker.get('a', 'k')), { value: '1' });
    t.deepEqual(broker.faults, []);
  },
);

test.serial(
  'a second start of a node that still runs ends at once and spoils nothing',
  async (t) => {
    await using broker = await Broker.open(['a', 'b']);
    await broker.startAll();
    await served(() => broker.set('a', 'k', '1'));

    const { exitCode, stderr } = await broker.spawn('a').ended;

    t.is(exitCode, 1);
    t.regex(stderr, /^balsa-node: RAFT_STORAGE_LOCKED: .* is in use by process \d+/);
    t.deepEqual(broker.faults.splice(0), ['a ended with 1']);
    t.like(await served(() => broker.get('a', 'k')), { value: '1' });
    t.deepEqual(broker.faults, []);
  },
);

test.serial('arguments that are not known are passed over wherever they stand', async (t) => {
  await using broker = await Broker.open(['a', 'b']);
  const unknown = ['--role', 'leader', '-x', '--data=7', 'word', '--', '--'];

  await Promise.all([
    broker.start('a', { before: unknown, after: unknown }),
    broker.start('b', { before: ['follower'], after: ['--verbose', '-v'] }),
  ]);

  t.like(await served(() => broker.set('a', 'k', '1')), { value: '1' });
});

test.serial('--debug tells on standard error what goes on; SIGTERM ends it with 0', async (t) => {
  await using broker = await Broker.open(['a', 'b']);
  const quiet = broker.spawn('a');
  const debugging = broker.spawn('b', { debug: true });
  await Promise.all([broker.heard('a'), broker.heard('b')]);
  await served(() => broker.set('b', 'k', '1'));

  quiet.process.kill('SIGTERM');
  debugging.process.kill('SIGTERM');

  t.deepEqual(await quiet.ended, { exitCode: 0, signal: null, stdout: '', stderr: '' });
  const { stdout, stderr, exitCode } = await debugging.ended;
  t.is(exitCode, 0);
  t.is(stdout, '');
  t.regex(stderr, /^\d+\.\d{3} b connected to the broker$/m);
  t.regex(stderr, /b term \d+: (leader|follower of a)$/m);
  t.regex(stderr, /b asked \{"type":"set","id":1,"key":"k","value":"1"\}$/m);
  t.regex(stderr, /b answers \{"type":"setResponse","id":\d+,"key":"k","value":"1"\}$/m);
});

test.serial('a node whose broker goes away ends with 1 and says so', async (t) => {
  await using broker = await Broker.open(['a', 'b', 'c']);
  const nodes = broker.names.map((name) => broker.spawn(name));
  await Promise.all(broker.names.map((name) => broker.heard(name)));

  broker.vanish();

  for (const { ended } of nodes) {
    const { exitCode, stderr } = await ended;
    t.is(exitCode, 1);
    t.regex(stderr, /^balsa-node: RAFT_NODE_DOWN: the broker went away \(tcp:.*\)\n$/);
  }
});

test.serial('a node that finds no broker ends with 1 and says so', async (t) => {
  const { exitCode, stderr } = await runNode([
    ...['--node-name', 'a', '--pub-endpoint', 'tcp://127.0.0.1:1'],
    ...['--router-endpoint', 'tcp://127.0.0.1:1'],
  ]);

  t.is(exitCode, 1);
  t.regex(stderr, /^balsa-node: RAFT_NODE_DOWN: no broker was found within 5000 ms \(tcp:.*\)\n$/);
});

const router = ['--router-endpoint', 'tcp://127.0.0.1:9'];
const unusable: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['nothing', [], /--node-name is missing; see balsa-node --help/],
  ['no endpoints', ['--node-name', 'a'], /--pub-endpoint is missing/],
  ['a name at the end', ['--node-name'], /--node-name has no value/],
  ['a name that is empty', ['--node-name='], /--node-name has no value/],
  [
    'an endpoint that is none',
    ['--node-name', 'a', '--pub-endpoint', 'here', ...router],
    /--pub-endpoint is 'here'; expected an endpoint/,
  ],
  [
    'a name without an end',
    ['--node-name', 'a'.repeat(65), '--pub-endpoint', 'tcp://127.0.0.1:9', ...router],
    /--node-name is longer than 64/,
  ],
];

for (const [what, words, expected] of unusable) {
  test.serial(`a command line with ${what} is refused with exit code 2`, async (t) => {
    const { exitCode, stdout, stderr } = await runNode(words);

    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, expected);
    t.regex(stderr, /^balsa-node: RAFT_INVALID_OPTION: [^\n]*\n$/);
  });
}

test.serial('--help tells the options', async (t) => {
  const { exitCode, stdout } = await runNode(['--help']);

  t.is(exitCode, 0);
  for (const option of [
    '--node-name',
    '--pub-endpoint',
    '--router-endpoint',
    '--peer',
    '--debug',
  ]) {
    t.true(stdout.includes(option), option);
  }
});
