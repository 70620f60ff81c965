/** A simulated node in words, for the reader of a trace. */
import type { SimNode } from './node.js';

/** Entries whose terms are told: the last ones are those that matter. */
const termsMax = 16;

/** `n1 leads term 3, commit 4, applied 4, log 1 to 5: terms 1 2 2 3 3`. */
export function nodeText(node: SimNode): string {
  const { id, life } = node;
  if (life === undefined) return `${id} is down`;
  const { raft, replica } = life;
  const { role, currentTerm, commitIndex, lastLogIndex } = raft;
  const terms: string[] = [];
  let first = lastLogIndex + 1;
  while (first > 1 && terms.length < termsMax) {
    const term = raft.termAt(first - 1);
    if (term === undefined) break;
    terms.unshift(String(term));
    first -= 1;
  }
  const doing = role === 'leader' ? 'leads term' : `is ${role} in term`;
  const paused = node.isPaused ? ', paused' : '';
  const log =
    terms.length === 0 ? 'empty' : `${first} to ${lastLogIndex}: terms ${terms.join(' ')}`;
  const progress = `commit ${commitIndex}, applied ${replica.lastApplied}`;
  return `${id} ${doing} ${currentTerm}${paused}, ${progress}, log ${log}`;
}
