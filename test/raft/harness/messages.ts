/**
 * Hand-made messages. Unless told otherwise they go from n2 to n1.
 */
import type {
  AppendEntries,
  AppendEntriesResponse,
  Heartbeat,
  HeartbeatResponse,
  InstallSnapshotResponse,
  Message,
  PreVote,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVote,
  RequestVoteResponse,
  SnapshotPart,
  TimeoutNow,
} from '../../../src/raft/index.js';
import { encode, entryAt } from './node.js';

type Draft<M extends Message> = Partial<Omit<M, 'kind'>> & { readonly term: number };

const route = { from: 'n2', to: 'n1' } as const;

export const installSnapshot = (draft: Draft<SnapshotPart>): SnapshotPart => ({
  kind: 'install-snapshot',
  ...route,
  snapshotIndex: 1,
  snapshotTerm: 1,
  offset: 0,
  bytes: encode('[]'),
  isLast: true,
  ...draft,
});

export const installAnswer = (draft: Draft<InstallSnapshotResponse>): InstallSnapshotResponse => ({
  kind: 'install-snapshot-response',
  ...route,
  snapshotIndex: 1,
  snapshotTerm: 1,
  nextOffset: 0,
  ...draft,
});

export const requestVote = (draft: Draft<RequestVote>): RequestVote => ({
  kind: 'request-vote',
  ...route,
  lastLogIndex: 0,
  lastLogTerm: 0,
  isTransfer: false,
  ...draft,
});

export const vote = (draft: Draft<RequestVoteResponse>): RequestVoteResponse => ({
  kind: 'request-vote-response',
  ...route,
  granted: true,
  ...draft,
});

export const preVote = (draft: Draft<PreVote>): PreVote => ({
  kind: 'pre-vote',
  ...route,
  lastLogIndex: 0,
  lastLogTerm: 0,
  ...draft,
});

export const preVoteAnswer = (draft: Draft<PreVoteResponse>): PreVoteResponse => ({
  kind: 'pre-vote-response',
  ...route,
  granted: true,
  ...draft,
});

/** `prev` is [index, term]; `terms` are those of the entries that follow it. */
export const append = ({
  prev = [0, 0],
  terms = [],
  ...draft
}: Omit<Draft<AppendEntries>, 'prevLogIndex' | 'prevLogTerm'> & {
  readonly term: number;
  readonly prev?: readonly [number, number];
  readonly terms?: readonly number[];
}): AppendEntries => ({
  kind: 'append-entries',
  ...route,
  prevLogIndex: prev[0],
  prevLogTerm: prev[1],
  entries: terms.map((term, i) => entryAt(prev[0] + 1 + i, term)),
  leaderCommit: 0,
  replicatedByAll: 0,
  ...draft,
});

/** An acknowledgement, or a refusal when `success` is false. */
export const appended = (draft: Draft<AppendEntriesResponse>): AppendEntriesResponse => ({
  kind: 'append-entries-response',
  ...route,
  success: true,
  matchIndex: 0,
  prevLogIndex: 0,
  lastLogIndex: draft.matchIndex ?? 0,
  ...draft,
});

export const heartbeat = (draft: Draft<Heartbeat>): Heartbeat => ({
  kind: 'heartbeat',
  ...route,
  leaderCommit: 0,
  replicatedByAll: 0,
  readId: 0,
  sentAt: 0,
  ...draft,
});

export const heartbeatAnswer = (draft: Draft<HeartbeatResponse>): HeartbeatResponse => ({
  kind: 'heartbeat-response',
  ...route,
  readId: 0,
  sentAt: 0,
  ...draft,
});

export const timeoutNow = (draft: Draft<TimeoutNow>): TimeoutNow => ({
  kind: 'timeout-now',
  ...route,
  ...draft,
});

export const readIndex = (draft: Draft<ReadIndexRequest>): ReadIndexRequest => ({
  kind: 'read-index',
  ...route,
  readId: 1,
  ...draft,
});

export const readIndexAnswer = (draft: Draft<ReadIndexResponse>): ReadIndexResponse => ({
  kind: 'read-index-response',
  ...route,
  readId: 1,
  readIndex: 0,
  leaderCommit: 0,
  ...draft,
});

/** The messages of one kind, with the fields of that kind. */
export function only<K extends Message['kind']>(
  messages: readonly Message[],
  kind: K,
): Extract<Message, { kind: K }>[] {
  return messages.filter(
    (message): message is Extract<Message, { kind: K }> => message.kind === kind,
  );
}
