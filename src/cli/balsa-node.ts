#!/usr/bin/env node
/** `balsa-node`: one node as a process of its own, under the broker of chistributed. */
import { systemClock } from '../clock.js';
import { lockDirectory } from '../storage/directory-lock.js';
import { directoryIdOf } from '../storage/identity.js';
import { openFileStorage } from '../storage/index.js';
import { BrokerNode, entryBytesMax } from '../zeromq/broker-node.js';
import { BrokerSockets, loadZeromq } from '../zeromq/broker-sockets.js';
import { exitCode } from './exit-code.js';
import { failureOf } from './failure.js';
import { nodeHelp, parseNodeArguments } from './node-arguments.js';
import { openNodeDirectory } from './node-directory.js';

/** Scripts have few entries. */
const segmentBytes = 2 ** 21;
const logBytesMax = 2 ** 26;

// The broker ends its nodes by SIGTERM and expects them to go: there is nothing to say to anybody.
process.on('SIGTERM', () => process.exit(exitCode.ok));
process.on('SIGINT', () => process.exit(exitCode.interrupted));
// Standard error may belong to a broker that is gone.
process.stderr.on('error', () => {});

try {
  const words = process.argv.slice(2);
  if (words.length === 1 && ['-h', '--help'].includes(words[0] ?? '')) {
    process.stdout.write(nodeHelp);
  } else await runNode(words);
} catch (error) {
  fail(error);
}

/** Resolves when the node has begun to connect; it runs until the process is ended. */
async function runNode(words: readonly string[]): Promise<void> {
  const node = parseNodeArguments(words);
  const { name, peers, pubEndpoint, routerEndpoint, debug } = node;
  const zeromq = await loadZeromq();
  const beganMs = systemClock.nowMs();
  const log = (line: string): void => {
    const at = ((systemClock.nowMs() - beganMs) / 1_000).toFixed(3);
    if (debug) process.stderr.write(`${at} ${name} ${line}\n`);
  };
  const directory = openNodeDirectory(node);
  lockDirectory(directory);
  log(`keeps its state in ${directory}`);
  // It is the end of the process that is to be survived, not that of the machine.
  const storage = openFileStorage({
    directory,
    directoryId: directoryIdOf('', name),
    syncPolicy: 'none',
    segmentBytes,
    entryBytesMax,
    logBytesMax,
  });
  const sockets = new BrokerSockets(zeromq, {
    name,
    pubEndpoint,
    routerEndpoint,
    clock: systemClock,
    onConnected: () => running.connected(),
    onMessage: (message) => {
      running.receive(message);
      running.turn();
    },
    onLost: fail,
  });
  const running = new BrokerNode({
    name,
    peers,
    clock: systemClock,
    storage,
    seed: `${name} ${process.pid} ${systemClock.nowMs()}`,
    incarnation: process.pid % 1_000_000,
    send: (message) => sockets.send(message),
    hasRoom: () => sockets.hasRoom,
    log,
  });
}

function fail(error: unknown): void {
  const failure = failureOf(error);
  process.stderr.write(`${(failure.text ?? '').replace(/^balsa:/, 'balsa-node:')}\n`, () =>
    process.exit(failure.exitCode),
  );
}
