/** Where the tapes of a node go: a file for each of its lives. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** `n1.2.tape` is the tape of the second life of n1. */
export function tapeName(nodeId: string, incarnation: number): string {
  return `${encodeURIComponent(nodeId)}.${incarnation}.tape`;
}

/**
 * Opens a file to write lines to. Each is written before the next thing is done: a thread that is
 * killed has lost no more than the turn in which it was.
 */
export function openTapeFile(directory: string, name: string): (line: string) => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  return (line) => appendFileSync(path, line);
}
