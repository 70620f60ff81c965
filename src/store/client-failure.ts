/**
 * What a client says when a call fails: what was tried, what the nodes said, and what is known
 * about the outcome.
 */
import { type ErrorCode, RaftError, unpackError } from '../errors.js';
import type { Batch, LastWord } from './client-batch.js';
import type { NodeFailure } from './failure-board.js';

/** A code and a sentence for each reason that a batch can be kept from its answer. */
const reasons: Readonly<Record<LastWord['reason'], readonly [ErrorCode, string]>> = {
  'not-leader': ['RAFT_NOT_LEADER', 'is not the leader'],
  'no-leader': ['RAFT_NO_LEADER', 'knows no leader: there is no quorum, or an election goes on'],
  overloaded: ['RAFT_OVERLOADED', 'has too much to do'],
  'log-full': ['RAFT_LOG_FULL', 'has no room in its log'],
  'in-doubt': ['RAFT_NO_QUORUM', 'took it and could not tell whether a quorum has it'],
  'read-aborted': ['RAFT_NO_LEADER', 'lost its leader, or its leadership, during the read'],
  malformed: ['RAFT_BROKEN_INVARIANT', 'could not read the request'],
  transferring: ['RAFT_NOT_LEADER', 'is handing its leadership over'],
  stopping: ['RAFT_NODE_DOWN', 'is stopping'],
  'wrong-machine': ['RAFT_WRONG_MACHINE', 'has another kind of state machine'],
  'answer-too-large': ['RAFT_VALUE_TOO_LARGE', 'cannot write so long an answer'],
  silent: ['RAFT_NO_QUORUM', 'did not answer: it has no quorum, or it cannot be heard'],
  died: ['RAFT_NODE_DOWN', 'died'],
  full: ['RAFT_OVERLOADED', 'does not read its mailbox, which is full'],
};

/** The deadline has come. */
export function timedOut(batch: Batch, known: LastWord | undefined): RaftError {
  const { timeoutMs } = batch.terms;
  // What another batch heard last explains why this one was not even sent.
  const last = lastWordOf(batch) ?? known;
  const cause = last && causeOf(last);
  const code = last?.reason === 'log-full' ? 'RAFT_LOG_FULL' : 'RAFT_TIMEOUT';
  const why = cause ? cause.message : noWord(batch);
  const message = `no answer within ${timeoutMs} ms; ${attemptsOf(batch)}; ${why}`;
  return new RaftError(code, message, {
    ...(cause ? { cause } : {}),
    details: { outcome: batch.failedOutcome, timeoutMs, attempts: batch.attempts },
  });
}

/** Too many nodes have ended for good: no answer can come before somebody starts them again. */
export function majorityLost(batch: Batch, failures: readonly NodeFailure[]): RaftError {
  const ids = failures.map(({ nodeId }) => nodeId).join(', ');
  const [first] = failures;
  const cause = first && unpackError({ name: 'RaftError', ...first });
  const message =
    `${ids} failed and will not start by themselves, which leaves no majority; repair them and ` +
    `call restart; ${attemptsOf(batch)}; ${first?.nodeId}: ${first?.message}`;
  return new RaftError('RAFT_NO_QUORUM', message, {
    cause,
    details: {
      outcome: batch.failedOutcome,
      failures: failures.map(({ nodeId, code }) => ({ nodeId, code })),
    },
  });
}

/** The only node that the batch may go to is not there, or died with it. */
export function nodeDown(batch: Batch, nodeId: string): RaftError {
  const what = batch.attempts === 0 ? 'is down' : 'died before it answered';
  return new RaftError('RAFT_NODE_DOWN', `${nodeId} ${what}; the call was for this node only`, {
    details: { outcome: batch.failedOutcome, nodeId },
  });
}

export function sessionExpired(batch: Batch): RaftError {
  return new RaftError(
    'RAFT_SESSION_EXPIRED',
    `the cluster has forgotten this client while a write was under way; ${attemptsOf(batch)}`,
    { details: { outcome: batch.failedOutcome } },
  );
}

/** A node took the request for nonsense, or its answer is: a fault of balsa. */
export function malformed(batch: Batch, cause?: unknown): RaftError {
  return new RaftError('RAFT_BROKEN_INVARIANT', 'client and node do not understand each other', {
    cause: cause ?? (batch.lastWord && causeOf(batch.lastWord)),
    details: { outcome: batch.failedOutcome },
  });
}

/** The call is for another kind of cluster. */
export function wrongMachine(): RaftError {
  return new RaftError(
    'RAFT_WRONG_MACHINE',
    'the state machine of this cluster knows no such call: submit and query are for one that the ' +
      'option stateMachine names, all others for the key-value store',
    { details: { outcome: 'rejected' } },
  );
}

/** The machine of the user's did not do as its contract says; see `machine.ts`. */
export function machineFailed(message: string, outcome: 'rejected' | 'unknown'): RaftError {
  return new RaftError('RAFT_MACHINE_FAILED', message, { details: { outcome } });
}

export function tooLarge(byteLengthMax: number): RaftError {
  return new RaftError(
    'RAFT_VALUE_TOO_LARGE',
    `the request takes more than ${byteLengthMax} bytes; divide it, or use smaller values`,
    { details: { outcome: 'rejected', byteLengthMax } },
  );
}

/** The values are more than a node writes into one answer. */
export function answerTooLarge(batch: Batch): RaftError {
  return new RaftError(
    'RAFT_VALUE_TOO_LARGE',
    `the values of these ${batch.commands} keys are more than one answer can hold; ask for fewer`,
    { details: { outcome: 'rejected' } },
  );
}

export function overloaded(outstandingMax: number): RaftError {
  return new RaftError(
    'RAFT_OVERLOADED',
    `${outstandingMax} calls are under way; await some of them before making more`,
    { details: { outcome: 'rejected', outstandingMax } },
  );
}

export function stopped(outcome: 'rejected' | 'unknown'): RaftError {
  return new RaftError('RAFT_STOPPED', 'the client is closed', { details: { outcome } });
}

function attemptsOf(batch: Batch): string {
  const { attempts, failedOutcome } = batch;
  if (attempts === 0) return 'it was never sent';
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  if (batch.terms.isRead) return `it was sent ${times}`;
  const outcome = failedOutcome === 'unknown' ? 'it may have been done' : 'it was not done';
  return `it was sent ${times} and ${outcome}`;
}

/** An attempt that is still under way has been answered by nobody. */
function lastWordOf(batch: Batch): LastWord | undefined {
  if (batch.state !== 'sent') return batch.lastWord;
  return { nodeId: batch.nodeId, reason: 'silent' };
}

function noWord(batch: Batch): string {
  return batch.attempts === 0 ? 'no node is alive' : 'nobody answered';
}

function causeOf({ nodeId, reason }: LastWord): RaftError {
  const [code, sentence] = reasons[reason];
  return new RaftError(code, `${nodeId} ${sentence}`, { details: { nodeId } });
}
