/** The frames of the mailbox benchmark, for both of its threads. */
export const floodKind = 1;
export const pingKind = 2;
