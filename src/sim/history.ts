/**
 * What the clients saw, in the form that checkers read: one event a line.
 *
 * A process has at most one call under way. `ok`: it took effect. `fail`: it surely had none.
 * `info`, or no word at all: it may take effect at any later time.
 */

/** One event; `time` in whole ns of virtual time. */
export interface HistoryEvent {
  readonly process: number;
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly op: 'get' | 'set' | 'cas' | 'delete';
  readonly key: string;
  readonly value?: unknown;
  /** Of a cas: what it compares with; null is absent. */
  readonly expected?: unknown;
  readonly error?: string;
  readonly time: number;
}
