/** A bug of the past, as a change of the compiled sources that brings it back. */

import type { Scenario } from '../../src/sim/scenario.js';

/** Replaces a piece of a compiled file, which stands there exactly once. */
export interface Edit {
  /** Under dist/src. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Exhibit {
  /** Kebab-case; names its copy of the sources. */
  readonly id: string;
  /** Counted from 1, in `pitfalls`. Absent: a bug that is in none of them. */
  readonly pitfall?: number;
  /** What goes wrong. */
  readonly title: string;
  /** Where it was seen. */
  readonly seen: string;
  readonly edits: readonly Edit[];
  /** Why neither a seed nor a scenario may show it: another safeguard makes up for it. */
  readonly safeguard?: string;
  /** Shows the bug where random search takes long to reach it. */
  readonly scenario?: Scenario;
}
