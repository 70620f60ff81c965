/**
 * What the commands of a machine of the user's gave, for as long as a repeat may ask for it: a
 * session's results live as long as its outcomes do (`session.ts`), and with the session they go.
 */
import type { Session } from './session.js';

/** Results are encoded values, a character for each byte. */
export class SessionResults {
  readonly #bySession = new WeakMap<Session, Map<number, string>>();

  of(session: Session, serial: number): string | undefined {
    return this.#bySession.get(session)?.get(serial);
  }

  /** Keeps what a command gave, if it gave anything. */
  keep(session: Session, serial: number, result: string | undefined): void {
    if (result === undefined) return;
    const kept = this.#bySession.get(session);
    if (kept) kept.set(serial, result);
    else this.#bySession.set(session, new Map([[serial, result]]));
  }

  /**
   * Forgets what is below the session's floor. Serial numbers come nearly in order: one that came
   * late may wait until those before it go.
   */
  forgetBelow(session: Session): void {
    const kept = this.#bySession.get(session);
    if (kept === undefined) return;
    for (const serial of kept.keys()) {
      if (serial >= session.floor) return;
      kept.delete(serial);
    }
  }
}
