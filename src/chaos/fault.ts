/**
 * Faults as plain data: they can be drawn, written down, sent to another thread and made fewer. Who
 * they are for is said by role, and resolved when they begin.
 */
import type { PartitionMode } from '../network/installed.js';
import type { PartitionShape } from '../network/partition.js';
import type { LinkOptions } from '../network/rule.js';
import type { Selector } from '../network/selector.js';
import type { DiskFaults } from '../storage/faulty.js';

/** A fault from `at` until `until`, in ms since the run began. */
export interface PlannedFault {
  readonly at: number;
  readonly until: number;
  readonly fault: Fault;
}

/** Everything that can be done to a cluster. Not every cluster can take all of it. */
export type Fault =
  | { readonly kind: 'partition'; readonly shape: PartitionShape; readonly mode: PartitionMode }
  | { readonly kind: 'link'; readonly options: LinkOptions }
  | { readonly kind: 'pause'; readonly nodes: Selector }
  /** The nodes die, and start again at the end. */
  | { readonly kind: 'crash'; readonly nodes: Selector }
  /** The thread of one client, counted from 0, stands still. */
  | { readonly kind: 'stall'; readonly client: number }
  /** Their clocks jump by so much, once. */
  | { readonly kind: 'clock-jump'; readonly nodes: Selector; readonly byMs: number }
  /** Every sync takes so much longer. */
  | { readonly kind: 'slow-disk'; readonly nodes: Selector; readonly byMs: number }
  /** Their disks fail; a node that stops because of it starts again at the end. */
  | { readonly kind: 'disk'; readonly nodes: Selector; readonly faults: DiskFaults }
  /** The power of each fails after so many more changes of its disk, and is back at the end. */
  | { readonly kind: 'power-loss'; readonly nodes: Selector; readonly changes: number }
  /** They die, what is stored loses a bit, or all that there is, and they start at the end. */
  | { readonly kind: 'rot'; readonly nodes: Selector; readonly loses: 'bit' | 'all' }
  /** The leader is asked to hand over. */
  | { readonly kind: 'transfer'; readonly to: Selector }
  | { readonly kind: 'campaign'; readonly nodes: Selector };

/** `partition: halves`, `crash: leader`: a fault in a few words. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case 'partition':
      return `partition: ${shapeText(fault.shape)}${fault.mode === 'hold' ? ', held' : ''}`;
    case 'link':
      return `link: ${linkText(fault.options)}`;
    case 'pause':
    case 'crash':
    case 'campaign':
      return `${fault.kind}: ${fault.nodes}`;
    case 'stall':
      return `stall: client ${fault.client}`;
    case 'clock-jump':
    case 'slow-disk':
      return `${fault.kind}: ${fault.nodes} by ${fault.byMs} ms`;
    case 'disk':
      return `disk: ${fault.nodes} ${diskText(fault.faults)}`;
    case 'power-loss':
      return `power-loss: ${fault.nodes} after ${fault.changes} changes`;
    case 'rot':
      return `rot: ${fault.nodes} lose ${fault.loses === 'bit' ? 'a bit' : 'everything'}`;
    case 'transfer':
      return `transfer: to ${fault.to}`;
  }
}

function shapeText({ kind, ...rest }: PartitionShape): string {
  const details = Object.entries(rest).map(([name, who]) => `${name} ${who}`);
  return [kind, ...details].join(' ');
}

function linkText({ between: _, ...options }: LinkOptions): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

function diskText({ seed: _, ...faults }: DiskFaults): string {
  return Object.entries(faults)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
