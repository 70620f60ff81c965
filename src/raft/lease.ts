/**
 * The lease: reads without asking anybody, as long as nobody else can have been elected
 * (dissertation 6.4.1).
 *
 * A voter that answered a heartbeat deposes nobody for electionTicksMin after it heard it, and it
 * heard it after it was sent. So the lease runs from the send time of the newest heartbeat that a
 * quorum has answered. Clocks tick in steps: the leader's count is short by less than a tick, a
 * voter's ahead by less than one, which costs two ticks; what the clocks may drift apart is taken
 * off as well.
 */
import { quorumValue } from './quorum.js';
import type { LeaderState, RaftState } from './state.js';

const roundingTicks = 2;

/** True while this leader may serve reads by its lease. */
export function holdsLease(state: RaftState, leadership: LeaderState): boolean {
  const { checkQuorum, electionTicksMin, leaseDriftTicks } = state.options;
  // Without CheckQuorum voters promise nothing; a transfer asks them to break their promise.
  if (!checkQuorum || leadership.transferee !== undefined || leadership.isLeaseForfeited) {
    return false;
  }
  if (state.commitIndex < leadership.termStartIndex) return false;
  const { leaseNow } = state.timers;
  const sentAt = quorumValue(state.configuration, (id) =>
    id === state.id
      ? leaseNow
      : (leadership.progress.get(id)?.ackedSentAt ?? Number.NEGATIVE_INFINITY),
  );
  return leaseNow - sentAt <= electionTicksMin - leaseDriftTicks - roundingTicks;
}
