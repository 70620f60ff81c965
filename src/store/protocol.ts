/**
 * The frames between a client and a node. Bodies, little endian; the correlation id of every
 * frame is the request id that the client chose.
 *
 *     write           client -> node   a client batch (command.ts)
 *     redirect-write  node -> leader   the same bytes; the correlation id is the forwarding node's
 *     read            client -> node   u32 consistency, u32 reserved, then a get batch
 *     write-reply     node -> client   a write response (reply.ts)
 *     read-reply      node -> client   u32 offset, u32 total, then that part of a read response
 *     refusal         node -> client   u32 reason, u32 leader actor or `noActor`
 *     leader-hint     node -> client   u32 leader actor or `noActor`, u32 reserved, f64 term
 */

/** Kinds below 64 belong to the messages between nodes. */
export const clientFrame = {
  write: 64,
  redirectWrite: 65,
  read: 66,
  writeReply: 67,
  readReply: 68,
  refusal: 69,
  leaderHint: 70,
} as const;

/** Bytes before the get batch in a `read`, and before the fragment in a `read-reply`. */
export const readHeaderBytes = 8;
export const refusalBytes = 8;
export const leaderHintBytes = 16;

/** Stands where an actor id is expected and none is known. */
export const noActor = 0xffff;

export const consistencyCode = { linearizable: 0, lease: 1, stale: 2 } as const;
export type Consistency = keyof typeof consistencyCode;

/**
 * Why a node did not do what it was asked. All but `in-doubt` say that this attempt had and will
 * have no effect; `in-doubt` says that a write was taken and that nobody knows what became of it.
 */
export const refusalCode = {
  'not-leader': 1,
  'no-leader': 2,
  overloaded: 3,
  'log-full': 4,
  'in-doubt': 5,
  'read-aborted': 6,
  malformed: 7,
  transferring: 8,
  stopping: 9,
  'wrong-machine': 10,
  'answer-too-large': 11,
} as const;
export type RefusalReason = keyof typeof refusalCode;

const reasonsByCode: readonly (RefusalReason | undefined)[] = Object.entries(refusalCode).reduce<
  (RefusalReason | undefined)[]
>((table, [reason, code]) => {
  table[code] = reason as RefusalReason;
  return table;
}, []);

export function refusalReason(code: number): RefusalReason {
  return reasonsByCode[code] ?? 'malformed';
}
