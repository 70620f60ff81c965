import test from 'ava';
import { outstandingMax } from '../../src/chistributed/requests.js';
import { started, transcribeLines } from './transcript.js';

const all = started('node-1', 'node-2', 'node-3');

test('one counter numbers get and set; refused commands use no number (§4)', async (t) => {
  const { stdout } = await transcribeLines([
    ...all,
    'set -n node-1 -k A -v 1 --wait',
    'get -n node-9 -k A --wait',
    'get -n node-2 -k A --nope',
    'get -n node-2 -k A --wait',
    'get -n node-3 -k B --wait',
  ]);

  const lines = stdout.split('\n').filter((line) => /^(?:GET|SET|ERROR)/.test(line));
  t.deepEqual(lines, [
    'SET id=1 OK: A = 1',
    'GET id=2 OK: A = 1',
    'ERROR: GET id=3 failed (k=B): No such key: B',
  ]);
});

test('without --wait the answer is printed when it comes (§4, §5)', async (t) => {
  const { stdout } = await transcribeLines([
    ...all,
    'fail_node -n node-1',
    'set -n node-1 -k A -v 1',
    'set -n node-2 -k A -v 2',
    'wait -t 0',
    'between',
    'wait -t 1',
    'after a second',
    'wait -t 2',
  ]);

  t.is(
    stdout,
    [
      'SET id=2 OK: A = 2',
      '*** Unknown syntax: between ',
      '*** Unknown syntax: after a second',
      'ERROR: SET id=1 failed (A=1): request timed out: no quorum or no leader',
      '',
    ].join('\n'),
  );
});

test('a value is always sent as a string, a missing one as null (§4)', async (t) => {
  const { stdout, target } = await transcribeLines([
    ...all,
    'set -n node-1 -k A -v 5 --wait',
    'set -n node-1 -k B --wait',
    'get -n node-1 -k B --wait',
    'set -n node-1 -k C -v "" --wait',
  ]);

  t.is(
    stdout,
    'SET id=1 OK: A = 5\nSET id=2 OK: B = None\nGET id=3 OK: B = None\nSET id=4 OK: C = \n',
  );
  t.deepEqual(
    [...(target?.values ?? [])],
    [
      ['A', '5'],
      ['B', null],
      ['C', ''],
    ],
  );
});

test('a missing key is an error of the node, printed as None (§3, §4)', async (t) => {
  const { stdout } = await transcribeLines([
    ...all,
    'get -n node-1 --wait',
    'set -n node-1 -v x --wait',
  ]);

  t.is(
    stdout,
    'ERROR: GET id=1 failed (k=None): a key must be a string\n' +
      'ERROR: SET id=2 failed (None=x): a key must be a string\n',
  );
});

test('wrong keys and values in answers are warnings, and complete the request (§5)', async (t) => {
  const { stdout, stderr } = await transcribeLines(
    [
      ...all,
      'get -n node-1 -k A --wait',
      'set -n node-1 -k B -v 5 --wait',
      'set -n node-1 -k C -v 5 --wait',
    ],
    {
      prepare: ({ scripted }) => {
        scripted.set('A', async () => ({ kind: 'ok', key: 'A2', value: ['v', true] }));
        scripted.set('B', async () => ({ kind: 'ok', key: 'B', value: 5 }));
        scripted.set('C', async () => ({ kind: 'ok', key: 'C2', value: '5' }));
      },
    },
  );

  t.is(
    stdout,
    [
      "WARNING: GET id=1 response has unexpected key (got A2=['v', True], expected A=['v', True]",
      'WARNING: SET id=2 response has unexpected values (got B=5, expected B=5',
      'WARNING: SET id=3 response has unexpected values (got C2=5, expected C=5',
      '',
    ].join('\n'),
  );
  t.is(stderr, '');
});

test('the text of another error is the own one of the node, thrown or told (§5)', async (t) => {
  const { stdout } = await transcribeLines(
    [...all, 'get -n node-1 -k A --wait', 'set -n node-1 -k B -v x --wait'],
    {
      prepare: ({ scripted }) => {
        scripted.set('A', async () => ({ kind: 'failed', text: 'the log is full' }));
        scripted.set('B', () => Promise.reject(new Error('the cluster was stopped')));
      },
    },
  );

  t.is(
    stdout,
    'ERROR: GET id=1 failed (k=A): the log is full\n' +
      'ERROR: SET id=2 failed (B=x): the cluster was stopped\n',
  );
});

test('answers are coloured on a terminal, and only there (§5)', async (t) => {
  const lines = [
    ...all,
    'set -n node-1 -k A -v 1 --wait',
    'get -n node-1 -k B --wait',
    'send_msg {"type": "get", "destination": "node-1", "id": 9, "key": "A"}',
    'wait -t 1',
    'wait -t -1',
    'nope',
  ];
  const onTerminal = await transcribeLines(lines, { isTerminal: true });
  const elsewhere = await transcribeLines(lines);

  t.is(
    onTerminal.stdout,
    [
      '\u001b[1m\u001b[32mSET id=1 OK: A = 1\u001b[0m',
      '\u001b[1m\u001b[31mERROR: GET id=2 failed (k=B): No such key: B\u001b[0m',
      '\u001b[1m\u001b[33mWARNING: Received unexpected GET response id=9\u001b[0m',
      '*** Unknown syntax: nope ',
      '',
    ].join('\n'),
  );
  t.true(onTerminal.stderr.includes('\u001b[31m'));
  t.false((elsewhere.stdout + elsewhere.stderr).includes('\u001b'));
});

test('requests to a node that was never started are lost without a word (§4)', async (t) => {
  const { stdout, stderr, elapsedMs } = await transcribeLines([
    'start -n node-1',
    'get -n node-2 -k A',
    'set -n node-2 -k A -v 1',
  ]);

  t.is(stdout + stderr, '');
  t.is(elapsedMs, 0, 'the end of the script does not wait for them');
});

test('--wait goes on after 30 s, with a line on standard error (§9)', async (t) => {
  const { stdout, stderr, elapsedMs } = await transcribeLines([
    'get -n node-2 -k A --wait',
    'show_queue',
  ]);

  t.is(stderr, 'WARNING: GET id=1 was not answered within 30 s; going on\n');
  t.is(stdout, 'No messages in message queue.\n');
  t.is(elapsedMs, 30_000);
});

test('an answer that comes after --wait gave up is printed all the same', async (t) => {
  const { stdout, stderr } = await transcribeLines(
    [...all, 'get -n node-1 -k A --wait', 'wait -t 60'],
    {
      waitLimitMs: 1_000,
      prepare: ({ scripted }, clock) => {
        scripted.set('A', async () => {
          await clock.after(5_000);
          return { kind: 'missing' };
        });
      },
    },
  );

  t.is(stderr, 'WARNING: GET id=1 was not answered within 1 s; going on\n');
  t.is(stdout, 'ERROR: GET id=1 failed (k=A): No such key: A\n');
});

test('a request to a dead node is lost, and the end goes on without it (§6.1)', async (t) => {
  const { stdout, stderr, elapsedMs } = await transcribeLines([...all, 'get -n node-1 -k A'], {
    prepare: ({ scripted }) => scripted.set('A', async () => ({ kind: 'lost' })),
  });

  t.is(stdout + stderr, '');
  t.is(elapsedMs, 0);
});

test('the end of a script waits for pending answers, quit does not', async (t) => {
  const lines = [...all, 'fail_node -n node-1', 'get -n node-1 -k A'];
  const ended = await transcribeLines(lines);
  const quitted = await transcribeLines([...lines, 'quit']);

  t.is(ended.stdout, 'ERROR: GET id=1 failed (k=A): request timed out: no quorum or no leader\n');
  t.is(ended.elapsedMs, 2_000);
  t.is(quitted.stdout, '');
  t.is(quitted.elapsedMs, 0);
});

test('an answer that comes after the end of the run is not printed', async (t) => {
  const run = await transcribeLines([...all, 'fail_node -n node-1', 'get -n node-1 -k A', 'quit']);

  await run.clock.after(10_000);

  t.is(run.printed.stdout, '');
});

test('the end of a script gives up on answers after the limit, and says so', async (t) => {
  const { stderr, exitCode } = await transcribeLines(
    [...all, 'get -n node-1 -k A', 'get -n node-1 -k A'],
    { prepare: ({ scripted }) => scripted.set('A', () => new Promise(() => {})) },
  );

  t.is(stderr, 'WARNING: 2 requests were not answered within 30 s; going on\n');
  t.is(exitCode, 0);
});

test('a script without waits never has more than a bounded number of requests out', async (t) => {
  const count = outstandingMax + 500;
  const lines = Array.from({ length: count }, (_, at) => `get -n node-1 -k K${at % 2}`);
  const { stdout, target } = await transcribeLines([...all, ...lines], {
    prepare: ({ scripted }, clock) => {
      const slowly = async (): Promise<{ kind: 'missing' }> => {
        await clock.after(100);
        return { kind: 'missing' };
      };
      scripted.set('K0', slowly).set('K1', slowly);
    },
  });

  t.is(stdout.split('\n').length, count + 1);
  t.is(target?.mostAtOnce, outstandingMax);
});

test('answers are matched by number and kind, a second one is unexpected (§5, §6.3)', async (t) => {
  const { stdout } = await transcribeLines(
    [
      ...all,
      'set -n node-1 -k slow -v 1',
      'send_msg {"type": "get", "destination": "node-2", "id": 1, "key": "A"}',
      'wait -t 0',
      'send_msg {"type": "set", "destination": "node-2", "id": 1, "key": "slow2", "value": "1"}',
      'wait -t 0',
    ],
    {
      prepare: ({ scripted, values }, clock) => {
        values.set('A', 'x');
        scripted.set('slow2', async () => ({ kind: 'ok', key: 'slow', value: '1' }));
        scripted.set('slow', async () => {
          await clock.after(1_000);
          return { kind: 'ok', key: 'slow', value: '1' };
        });
      },
    },
  );

  t.is(
    stdout,
    ['WARNING: Received unexpected GET response id=1', 'SET id=1 OK: slow = 1', ''].join('\n'),
  );
});
