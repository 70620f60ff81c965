import test from 'ava';
import { started, transcribeLines } from './transcript.js';

const all = started('node-1', 'node-2', 'node-3');

/** The second line of every exception that is reported. */
const advice = "To enable full traceback, run the following command:  'set debug true'";

function exception(type: string, text: string): string {
  return `EXCEPTION of type '${type}' occurred with message: '${text}'\n${advice}\n`;
}

const withNode = ['start', 'get', 'set', 'fail_node', 'recover_node'];

for (const command of withNode) {
  test(`${command} refuses a node that is not configured (§4)`, async (t) => {
    const { stdout, stderr } = await transcribeLines([`${command} -n node-9`, command]);

    t.is(stdout, 'No such node: node-9\nNo such node: None\n');
    t.is(stderr, '');
  });
}

test('an unknown command prints the word, a space and the rest (§3)', async (t) => {
  const { stdout } = await transcribeLines(['stop -n node-1 "a  b"', 'exit', 'GET -k A', 'fail x']);

  t.is(
    stdout,
    [
      '*** Unknown syntax: stop -n node-1 "a  b"',
      '*** Unknown syntax: exit ',
      '*** Unknown syntax: GET -k A',
      '*** Unknown syntax: fail x',
      '',
    ].join('\n'),
  );
});

test('a wrong option prints one line and the usage, and the command is not run (§3)', async (t) => {
  const { stdout, target } = await transcribeLines(['start -n node-1 --nope', 'wait --help']);

  t.is(
    stdout,
    [
      'no such option: --nope',
      'Usage: start [options] arg',
      '',
      'Options:',
      '  -h, --help            show this help message and exit',
      '  -n NODE_ID, --node_id=NODE_ID',
      '  --no-wait             ',
      'Usage: wait [options] arg',
      '',
      'Options:',
      '  -h, --help            show this help message and exit',
      '  -t TIME, --time=TIME  ',
      '',
    ].join('\n'),
  );
  t.deepEqual(target?.calls, ['dispose']);
});

test('an open quote is an invalid syntax, and the run goes on (§3.6)', async (t) => {
  const { stdout, stderr } = await transcribeLines(['set -v "open', 'show_queue']);

  t.is(stderr, 'ERROR: Invalid syntax: No closing quotation\n');
  t.is(stdout, 'No messages in message queue.\n');
});

test('pipes, redirections and foreign programs are refused with one line each (§9)', async (t) => {
  const lines = ['show_queue | cat', 'show_queue > f', '!ls', 'shell ls', 'py 1', 'edit f'];
  const { stdout, stderr } = await transcribeLines(lines);

  t.is(stdout, '');
  t.is(stderr.split('\n').length, lines.length + 1);
  for (const line of stderr.trimEnd().split('\n')) t.regex(line, /^ERROR: .+ is not available/);
});

test('start says nothing when the node is up, and passes free words on (§4)', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    'start -n node-1 x -- --role "the leader"',
  ]);

  t.is(stdout + stderr, '');
  t.deepEqual(target?.calls, ['start node-1 x --role the leader', 'dispose']);
});

test('start refuses a live node and starts a dead one again (§6.4, §9)', async (t) => {
  const { stdout, target } = await transcribeLines(
    ['start -n node-1', 'start -n node-1', 'get -n node-1 -k kill --wait', 'start -n node-1'],
    {
      prepare: (cluster) => {
        cluster.scripted.set('kill', async () => {
          cluster.alive.delete('node-1');
          return { kind: 'failed', text: 'killed' };
        });
      },
    },
  );

  t.is(stdout, 'Node node-1 is already running\nERROR: GET id=1 failed (k=kill): killed\n');
  t.deepEqual(target?.calls, ['start node-1', 'start node-1', 'dispose']);
});

test('start --no-wait does not wait, and a second one does nothing (§4)', async (t) => {
  const { stdout, target, elapsedMs } = await transcribeLines(
    ['start -n node-1 --no-wait', 'start -n node-1', 'fail_node -n node-1', 'quit'],
    { prepare: (cluster) => Object.assign(cluster, { startMs: 1_000 }) },
  );

  t.is(stdout, 'Node node-1 is already starting\n');
  t.is(elapsedMs, 0);
  t.deepEqual(target?.calls, ['start node-1', 'dispose']);
});

test('a request to a node that is starting waits for it (§4)', async (t) => {
  const { stdout } = await transcribeLines(
    [
      ...['node-1', 'node-2', 'node-3'].map((node) => `start -n ${node} --no-wait`),
      'set -n node-1 -k A -v 1 --wait',
    ],
    { prepare: (cluster) => Object.assign(cluster, { startMs: 1_000 }) },
  );

  t.is(stdout, 'SET id=1 OK: A = 1\n');
});

test('a node that dies while it starts ends the run with status 0 (§1, §4)', async (t) => {
  const run = await transcribeLines(['start -n node-1', 'show_queue'], {
    prepare: (cluster) => Object.assign(cluster, { startError: new Error('no memory') }),
  });

  t.is(run.stdout, 'Node node-1 crashed on startup\nCannot continue. Exiting.\n');
  t.is(run.stderr, 'WARNING: Node node-1 has crashed (no memory)\n');
  t.is(run.exitCode, 0);
  t.is(run.ended, 'node-crashed');
});

test('a node not up in 4.5 s has failed, and runs when it is up later (§7.5)', async (t) => {
  const { stdout, stderr, elapsedMs } = await transcribeLines(
    ['start -n node-1', 'fail_node -n node-1', 'wait -t 10', 'fail_node -n node-1', 'quit'],
    { prepare: (cluster) => Object.assign(cluster, { startMs: 6_000 }) },
  );

  t.is(stdout, 'Node node-1 is running but in a failed state\n');
  t.is(
    stderr,
    'WARNING: Node node-1 was not up within 4.5 s\n' +
      exception('ChistributedException', 'Node node-1 cannot be failed because it is not running'),
  );
  t.is(elapsedMs, 14_500);
});

test('wait sleeps, and refuses what Python refuses (§4)', async (t) => {
  const { stderr, elapsedMs } = await transcribeLines([
    'wait -t 2.5',
    'wait --time 1',
    'wait -t 0',
    'wait -t -1',
    'wait',
    'wait -t nan',
    'wait -t inf',
  ]);

  t.is(elapsedMs, 3_500);
  t.is(
    stderr,
    'ERROR: Invalid syntax: sleep length must be non-negative\n' +
      exception('TypeError', "'NoneType' object cannot be interpreted as an integer") +
      'ERROR: Invalid syntax: Invalid value NaN (not a number)\n' +
      exception('OverflowError', 'timestamp out of range for platform time_t'),
  );
});

test('fail_node cuts a node off from all others and wants it running (§4)', async (t) => {
  const { stderr, target } = await transcribeLines([
    'fail_node -n node-2',
    ...all,
    'fail_node -n node-2',
    'fail_node -n node-2',
  ]);

  t.is(
    stderr,
    exception('ChistributedException', 'Node node-2 cannot be failed because it is not running') +
      exception('ChistributedException', 'Node node-2 is already in a failed state'),
  );
  t.deepEqual(target?.calls.slice(3), [
    'partition #fail-node-2#: node-2 | node-1 node-3',
    'dispose',
  ]);
});

test('recover_node ends that partition, delivering only when asked to (§4)', async (t) => {
  const { stderr, target } = await transcribeLines([
    ...all,
    'recover_node -n node-1',
    'fail_node -n node-1',
    'recover_node -n node-1',
    'fail_node -n node-1',
    'recover_node -n node-1 --deliver',
    'recover_node -n node-1',
  ]);

  t.is(
    stderr,
    exception('ChistributedException', 'Node node-1 is not in a failed state').repeat(2),
  );
  t.deepEqual(target?.calls.slice(3), [
    'partition #fail-node-1#: node-1 | node-2 node-3',
    'drop #fail-node-1#',
    'partition #fail-node-1#: node-1 | node-2 node-3',
    'deliver #fail-node-1#',
    'dispose',
  ]);
});

test('a failure removed by hand leaves the node Partitioned for good (§4)', async (t) => {
  const { stderr } = await transcribeLines([
    ...all,
    'fail_node -n node-1',
    'remove_partition -n "#fail-node-1#"',
    'recover_node -n node-1',
    'fail_node -n node-1',
  ]);

  t.is(
    stderr,
    exception('ChistributedException', 'No such partition: #fail-node-1#') +
      exception('ChistributedException', 'Node node-1 is already in a failed state'),
  );
});

test('create_partition takes sides as given, or the rest, started or not (§4)', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    'create_partition -n a -p node-1',
    'create_partition -n b -p node-1,node-2 -2 node-2',
    'create_partition -n c -p node-3,node-1,node-2',
    'create_partition -n d -p node-1 -2 ""',
    'create_partition -n a -p node-2',
    'create_partition -n e -p node-1, node-2',
    'create_partition -n e -p node-1 -2 node-7,node-8',
    'create_partition -n e -p node-9 -2 node-7',
    'create_partition -n e',
  ]);

  t.is(
    stdout,
    [
      'There is already a partition with this name: a',
      'No such node: ',
      'No such node: node-7',
      'No such node: node-9',
      '',
    ].join('\n'),
  );
  t.is(stderr, exception('AttributeError', "'NoneType' object has no attribute 'split'"));
  t.deepEqual(target?.calls, [
    'partition a: node-1 | node-2 node-3',
    'partition b: node-1 node-2 | node-2',
    'partition c: node-3 node-1 node-2 | ',
    'partition d: node-1 | node-2 node-3',
    'dispose',
  ]);
});

test('remove_partition drops unless asked to deliver; unknown names (§4)', async (t) => {
  const { stdout, target } = await transcribeLines([
    'create_partition -n a -p node-1',
    'create_partition -n b -p node-1',
    'remove_partition -n b -d',
    'remove_partition -n a',
    'remove_partition -n a',
    'remove_partition',
  ]);

  t.is(
    stdout,
    'There is no partition with this name: a\nThere is no partition with this name: None\n',
  );
  t.deepEqual(target?.calls.slice(2), ['deliver b', 'drop a', 'dispose']);
});

test('show_partitions prints in order of creation, failures only with -f (§4)', async (t) => {
  const { stdout } = await transcribeLines([
    ...all,
    'show_partitions -f',
    'create_partition -n east -p node-1',
    'fail_node -n node-2',
    "create_partition -n it's -p node-3,node-1,node-2",
    'show_partitions',
    'show_partitions --inc',
  ]);

  const east = ["Partition 'east'", '  Nodes 1: node-1', '  Nodes 2: node-2, node-3'];
  const failure = ["Partition '#fail-node-2#'", '  Nodes 1: node-2', '  Nodes 2: node-1, node-3'];
  const last = ["Partition 'it's'", '  Nodes 1: node-3, node-1, node-2', '  Nodes 2: '];
  t.is(stdout, `${[...east, ...last, ...east, ...failure, ...last].join('\n')}\n`);
});

test('a partition without a name is called None, and breaks show_partitions (§3)', async (t) => {
  const { stdout, stderr } = await transcribeLines([
    'create_partition -p node-1',
    'create_partition -p node-2',
    'show_partitions',
    'remove_partition',
    'show_partitions',
  ]);

  t.is(stdout, 'There is already a partition with this name: None\n');
  t.is(stderr, exception('AttributeError', "'NoneType' object has no attribute 'startswith'"));
});

test('show_queue prints the newest first, whole messages with -v (§4)', async (t) => {
  const { stdout } = await transcribeLines(['show_queue', 'show_queue -v'], {
    prepare: (cluster) => {
      cluster.held = [
        { source: 'node-1', destination: 'node-2', type: 'appendEntries', fields: { term: 3 } },
        { source: 'node-3', destination: 'node-1', type: 'requestVote', fields: { ok: true } },
      ];
    },
  });

  t.is(
    stdout,
    [
      'node-3 -> node-1: requestVote',
      'node-1 -> node-2: appendEntries',
      'node-3 -> node-1: requestVote',
      "{'type': 'requestVote', 'destination': 'node-1', 'ok': True}",
      '',
      'node-1 -> node-2: appendEntries',
      "{'type': 'appendEntries', 'destination': 'node-2', 'term': 3}",
      '',
      '',
    ].join('\n'),
  );
});

test('send_msg hands a message over as it is (§4)', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    'send_msg {"type": "hi", "destination": "node-2", "note": "a # b; c > d"}',
    'send_msg {"type": "hi", "destination": "nobody"}',
  ]);

  t.is(stdout + stderr, '');
  t.deepEqual(target?.calls, [
    'deliver node-2 {"type":"hi","destination":"node-2","note":"a # b; c > d"}',
    'dispose',
  ]);
});

test('the answer to a get or set of send_msg was not expected (§4)', async (t) => {
  const { stdout } = await transcribeLines([
    ...all,
    'send_msg {"type": "set", "destination": "node-2", "id": 7, "key": "A", "value": 5}',
    'get -n node-1 -k A --wait',
    'send_msg {"type": "get", "destination": "node-2", "id": 1, "key": "A"}',
    'wait -t 1',
  ]);

  t.is(
    stdout,
    [
      'WARNING: Received unexpected SET response id=7',
      'GET id=1 OK: A = 5',
      'WARNING: Received unexpected GET response id=1',
      '',
    ].join('\n'),
  );
});

test('send_msg says what a message lacks (§4)', async (t) => {
  const { stderr } = await transcribeLines([
    'send_msg nope',
    'send_msg',
    'send_msg [1]',
    'send_msg {"a": null}',
    'send_msg {"type": "hi"}',
    'send_msg {"type": "get", "destination": "node-1", "id": 1}',
    'send_msg {"type": "set", "destination": "node-1", "id": 1, "key": "A"}',
  ]);

  const lacks = (field: string, message: string): string =>
    exception('ChistributedException', `Message does not have '${field}' field: ${message}`);
  t.is(
    stderr,
    'ERROR: Invalid syntax: Expecting value: line 1 column 1 (char 0)\n'.repeat(2) +
      exception('ChistributedException', 'Not a valid message: [1]') +
      lacks('type', "{'a': None}") +
      lacks('destination', "{'type': 'hi'}") +
      lacks('key', "{'type': 'get', 'destination': 'node-1', 'id': 1}") +
      lacks('value', "{'type': 'set', 'destination': 'node-1', 'id': 1, 'key': 'A'}"),
  );
});

test('a cluster that cannot show or send messages says so in one line', async (t) => {
  const { stdout, stderr } = await transcribeLines(
    ['show_queue', 'send_msg {"type": "hi", "destination": "node-1"}'],
    {
      prepare: (cluster) => Object.assign(cluster, { heldMessages: undefined, deliver: undefined }),
    },
  );

  t.is(stdout, '');
  t.is(
    stderr,
    'ERROR: show_queue is not available on this cluster\n' +
      exception('ChistributedException', 'send_msg can send get and set to this cluster, not hi'),
  );
});

test('quit ends the run at once, and nothing after it is run (§4)', async (t) => {
  const { stdout, ended, exitCode } = await transcribeLines(['quit', 'show_queue']);

  t.is(stdout, '');
  t.is(ended, 'quit');
  t.is(exitCode, 0);
});

test('a failing target is reported like any other failure, and the run goes on', async (t) => {
  const { stdout, stderr } = await transcribeLines(
    ['create_partition -n a -p node-1', 'show_partitions', 'show_queue'],
    {
      prepare: (cluster) => {
        cluster.createPartition = () => Promise.reject(new RangeError('out of rules'));
      },
    },
  );

  t.is(stdout, 'No messages in message queue.\n');
  t.is(stderr, exception('RangeError', 'out of rules'));
});

test('with debug a stack trace precedes the report (§3)', async (t) => {
  const { stderr } = await transcribeLines(['wait'], { debug: true });

  t.regex(stderr, /^\S.*NoneType[^\n]*\n {4}at [\s\S]*\nEXCEPTION of type 'TypeError'/);
});
