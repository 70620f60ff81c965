/** What has gone wrong in other people's Raft, in the order that the exhibits name. */

export interface Pitfall {
  readonly title: string;
  /** Why no exhibit brings it back. */
  readonly absent?: string;
}

const fixed = 'members are fixed: there is nothing to bring it back in';

/** The first one is pitfall 1. */
export const pitfalls: readonly Pitfall[] = [
  { title: 'term or vote is not durable when somebody relies on it' },
  { title: 'term and vote are stored in two steps' },
  { title: 'stepping down within a term clears the vote' },
  { title: 'votes or acknowledgements are counted instead of kept as a set of voters' },
  { title: 'answers of removed or unknown peers count', absent: fixed },
  { title: 'logs are not compared before a vote, or wrongly' },
  { title: 'a pre-vote has effects, or its answer carries the wrong term' },
  {
    title: 'a node that sends but does not hear raises terms for ever',
    absent: 'it costs time while the link is cut; the swarm asks for progress after that',
  },
  { title: 'a role drops messages that it does not expect' },
  { title: 'somebody without a vote is elected through a transfer', absent: fixed },
  { title: 'entries of earlier terms are committed by counting replicas' },
  { title: 'a follower deletes what agrees with the leader' },
  { title: 'a committed entry is truncated' },
  { title: 'a follower commits what this leader has not verified' },
  { title: 'matchIndex is raised, or lowered, by what is stale' },
  { title: 'quorum arithmetic' },
  { title: 'an acknowledgement, or the own copy, counts before it is durable' },
  { title: 'storage that ends out of order' },
  { title: 'what is known as applied is ahead of the log that is durable' },
  { title: 'paginated sends: gaps, leaks, lost tails' },
  { title: 'catching up never ends' },
  { title: 'entries in conflict stay with a snapshot' },
  { title: 'an installation races with appends, with applying, or with another one' },
  { title: 'what stands right before the log is taken for a conflict' },
  { title: 'sessions or members are missing from a snapshot, or stale after it' },
  { title: 'who sends a snapshot stops before it has arrived' },
  { title: 'members are changed before an entry of the own term is committed', absent: fixed },
  { title: 'changes of members overlap, or are applied by halves', absent: fixed },
  { title: 'reads before the new leader has committed in its term' },
  { title: 'the confirmation of a read is used again' },
  { title: 'a lease that lasts longer than it may' },
  { title: 'timers that run in step' },
  { title: 'a command is applied twice' },
  { title: 'sessions are evicted differently on each replica' },
  { title: 'success before the commit, waiters that nobody settles, an outcome of another' },
  { title: 'requests that were passed on are lost' },
  { title: 'state machines diverge, or share what changes' },
  { title: 'acknowledged before it is synced; damage that is believed' },
  { title: 'a node goes on after its disk has failed' },
  {
    title: 'an await lets another message come in between a check and its write',
    absent: 'the core and the replica never await; `test/tidy.test.ts` sees to it',
  },
  {
    title: 'a message to or from an earlier life of a node arrives late',
    absent: 'the links of the simulator drop it in the place of the rings: see `test/actor/`',
  },
  { title: 'memory that is shared where threads would copy' },
  { title: 'ticks that pile up, or are lost, while a node stands still' },
  {
    title: 'numbers beyond 31 or 53 bits',
    absent: 'no run lasts so long; `test/storage/` begins near 2^31, 2^32 and 2^53',
  },
];
