/** Frames to test a network with: each carries the number by which the test knows it again. */

import type { Delivery, Frame } from '../../src/network/link.js';
import { Network, type NetworkOptions } from '../../src/network/network.js';

/** A network of n1, n2, n3 and the client c1. */
export function createNetwork(options: Partial<NetworkOptions<number>> = {}): Network<number> {
  return new Network<number>({ nodes: ['n1', 'n2', 'n3'], clients: ['c1'], seed: 1, ...options });
}

/** A frame of 100 bytes from n1 to n2, unless told otherwise. */
export function frame(payload: number, fields: Partial<Frame<number>> = {}): Frame<number> {
  return {
    source: 'n1',
    destination: 'n2',
    kind: 'append-entries',
    byteLength: 100,
    payload,
    ...fields,
  };
}

/** Hands in frames number `first` to `last` at one time. */
export function submitAll(
  network: Network<number>,
  [first, last]: readonly [number, number],
  { nowMs = 0, ...fields }: Partial<Frame<number>> & { nowMs?: number } = {},
): void {
  for (let payload = first; payload <= last; payload++) {
    network.submit(frame(payload, fields), nowMs);
  }
}

/** The numbers of the frames that have arrived by `nowMs`. */
export function arrived(network: Network<number>, nowMs: number): number[] {
  return numbers(network.due(nowMs));
}

export function numbers(deliveries: readonly Pick<Delivery<number>, 'frame'>[]): number[] {
  return deliveries.map((delivery) => delivery.frame.payload);
}
