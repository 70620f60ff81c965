import test from 'ava';
import { started, transcribeLines } from './transcript.js';

const all = started('node-1', 'node-2', 'node-3');

test('a node that crashes is down until it is started, and answers nobody', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    ...all,
    'crash -n node-1',
    'crash -n node-1',
    'get -n node-1 -k A',
    'fail_node -n node-1',
    'start -n node-1',
    'set -n node-1 -k A -v 1 --wait',
  ]);

  t.is(stdout, 'Node node-1 is not running\nSET id=2 OK: A = 1\n');
  t.regex(stderr, /'Node node-1 cannot be failed because it is not running'/);
  t.deepEqual(target?.calls.slice(3), ['crash node-1', 'start node-1', 'dispose']);
});

test('a node that is cut off stays so when it crashes and is started again', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    ...all,
    'fail_node -n node-1',
    'crash -n node-1',
    'restart -n node-1',
    'get -n node-1 -k A --wait',
    'recover_node -n node-1',
    'set -n node-1 -k A -v 1 --wait',
  ]);

  t.is(
    stdout,
    'ERROR: GET id=1 failed (k=A): request timed out: no quorum or no leader\nSET id=2 OK: A = 1\n',
  );
  t.is(stderr, '');
  t.deepEqual(target?.calls.slice(3, -1), [
    'partition #fail-node-1#: node-1 | node-2 node-3',
    'crash node-1',
    'restart node-1',
    'drop #fail-node-1#',
  ]);
});

test('restart takes a node that runs, and one that was never started', async (t) => {
  const { stdout, target } = await transcribeLines([
    'start -n node-1',
    'restart -n node-1',
    'restart -n node-2',
    'start -n node-2',
  ]);

  t.is(stdout, 'Node node-2 is already running\n');
  t.deepEqual(target?.calls, ['start node-1', 'restart node-1', 'restart node-2', 'dispose']);
});

test('a node that dies while it is started again ends the run', async (t) => {
  const { stdout, ended } = await transcribeLines(['restart -n node-1', 'status'], {
    prepare: (target) => Object.assign(target, { startError: new Error('no more memory') }),
  });

  t.is(stdout, 'Node node-1 crashed on startup\nCannot continue. Exiting.\n');
  t.is(ended, 'node-crashed');
});

test('pause and resume are for nodes that run', async (t) => {
  const { stdout, target } = await transcribeLines([
    'pause -n node-1',
    'start -n node-1',
    'pause -n node-1',
    'resume -n node-1',
    'pause -n node-9',
    'resume',
  ]);

  t.is(stdout, 'Node node-1 is not running\nNo such node: node-9\nNo such node: None\n');
  t.deepEqual(target?.calls, ['start node-1', 'pause node-1', 'resume node-1', 'dispose']);
});

test('delay and drop are for all messages, or those of one node; what is no number is', async (t) => {
  const { stdout, stderr, target } = await transcribeLines([
    'delay -t 0.25',
    'delay -n node-1 -t 0',
    'drop',
    'drop -n node-2 -r 0.5',
    'delay',
    'delay -t -1',
    'delay -t nan',
    'drop -r 1.5',
    'drop -n node-9',
  ]);

  t.deepEqual(target?.calls, [
    'delay undefined 250',
    'delay node-1 0',
    'drop undefined 1',
    'drop node-2 0.5',
    'dispose',
  ]);
  const needsTime = 'ERROR: delay needs -t SECONDS from 0 to 86400; 0 ends it\n';
  t.is(stderr, `${needsTime.repeat(3)}ERROR: drop needs -r RATE from 0 to 1; 0 ends it\n`);
  t.is(stdout, 'No such node: node-9\n');
});

test('leader tells who leads; with --wait it waits until somebody does', async (t) => {
  const { stdout } = await transcribeLines(['leader', 'leader --wait'], {
    prepare: (target) => {
      target.leading = { nodeId: 'node-2', term: 4 };
      target.looksInVain = 5;
    },
  });

  t.is(stdout, 'Leader: None\nLeader: node-2 (term 4)\n');
});

test('the wait for a leader ends at the limit of --wait', async (t) => {
  const { stdout, elapsedMs } = await transcribeLines(['leader --wait'], { waitLimitMs: 500 });

  t.is(stdout, 'Leader: None\n');
  t.true(elapsedMs >= 500 && elapsedMs < 600, `${elapsedMs}`);
});

test('status has a line for every node', async (t) => {
  const { stdout } = await transcribeLines(['start -n node-2', 'status'], {
    nodes: 'node-1 node-2',
  });

  t.is(
    stdout,
    'node-1: down, term 3, committed 7, applied 6\n' +
      'node-2: running, follower, term 3, committed 7, applied 6\n',
  );
});

test('the seed can be set until the cluster is there', async (t) => {
  const { stdout, stderr } = await transcribeLines([
    'seed -s 7',
    'seed -s 4294967296',
    'seed -s 1.5',
    'seed',
    'seed -s 8',
    'seed',
  ]);

  t.is(stdout, 'Seed: 7\nSeed: 7\n');
  const needsWhole = 'ERROR: seed needs -s N, a whole number from 0 to 4294967295\n';
  const late = 'ERROR: seed comes too late: the cluster has its seed by now\n';
  t.is(stderr, needsWhole.repeat(2) + late);
});

test('a cluster that is no laboratory refuses the commands for people', async (t) => {
  const names = [
    'crash',
    'restart',
    'pause',
    'resume',
    'delay',
    'drop',
    'leader',
    'status',
    'seed',
  ];
  const { stdout, stderr } = await transcribeLines(names, {
    prepare: (target) => Object.assign(target, { laboratory: undefined }),
  });

  t.is(stdout, '');
  t.is(stderr, names.map((name) => `ERROR: ${name} is not available on this cluster\n`).join(''));
});
