/** What the exit code of `balsa` says. */
export const exitCode = {
  /** Done, and everything that was checked is right. */
  ok: 0,
  /** Something failed, or a check did not hold. */
  failed: 1,
  /** The command line, or what it names, cannot be used. Nothing was run. */
  badInput: 2,
  /** A check came to no end: there was not enough time or memory. */
  unknown: 3,
  /** Ended by Ctrl-C: 128 + 2, as a shell counts. */
  interrupted: 130,
  /** Ended by SIGTERM: 128 + 15. */
  terminated: 143,
} as const;
