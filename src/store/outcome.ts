/**
 * How a command ended in the state machine. The numbers are stored and sent: append only, below 16.
 */
export const outcome = {
  /** Done: the value is set, the key is deleted, the swap was made. */
  ok: 1,
  /** A delete, or a cas that expects a value, found no such key. Nothing changed. */
  absent: 2,
  /** A cas found another value than the one expected. Nothing changed. */
  mismatch: 3,
  /** The session is open: the answer carries the id of the client. */
  registered: 4,
  /** A new key above the store's `keysMax`. Nothing changed. */
  full: 5,
  /** This machine does not know the command, or not in such a batch. Nothing changed. */
  refused: 6,
  /** The client has said that it awaits no answer for this serial number. Not applied now. */
  answeredLongAgo: 7,
  /** Nobody knows this client, or no longer. Not applied now. */
  sessionExpired: 8,
  /** A machine of the user's took the command; the answer carries its result. */
  done: 9,
  /** Such a machine threw at the command or the question: its message. Nothing changed. */
  failed: 10,
  /** Such a machine took the command, but its result can be carried by nobody: the reason. */
  resultLost: 11,
} as const;

export type Outcome = (typeof outcome)[keyof typeof outcome];

/** The names as they are shown: `answered-long-ago`, `session-expired`, … */
export function outcomeName(code: Outcome): string {
  const entry = Object.entries(outcome).find(([, value]) => value === code);
  return (entry?.[0] ?? `outcome-${code}`).replace(/[A-Z]/g, (char) => `-${char.toLowerCase()}`);
}
