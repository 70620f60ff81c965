/**
 * The store as it is promised, without windows of bytes, rings or shared memory: a map, and for
 * each client a map of the answers that it was given.
 */
import { isDeepStrictEqual } from 'node:util';
import { absent } from '../../src/store/batch-writer.js';
import type { StoreOptions } from '../../src/store/store-state-machine.js';
import type { Value } from '../../src/store/value.js';
import type { Answer, Batch, Command } from './batches.js';

interface Client {
  floor: number;
  highest: number;
  readonly answers: Map<number, Answer>;
}

export class StoreModel {
  readonly values: Map<string, Value> = new Map();
  /** From least to most recently used. */
  readonly clients: Map<number, Client> = new Map();
  #lastClientId = 0;
  readonly #limits: Required<StoreOptions>;

  constructor(limits: Required<StoreOptions>) {
    this.#limits = limits;
  }

  apply(batch: Batch, index: number): Answer[] {
    const { clientId = 0, firstSerial = 0, commands } = batch;
    if (clientId === 0) return commands.map((command) => this.#applyOpen(command, index));
    const client = this.clients.get(clientId);
    if (client === undefined) return commands.map(() => ({ outcome: 'session-expired', index }));
    this.clients.delete(clientId);
    this.clients.set(clientId, client);
    this.#slide(client, batch);
    return commands.map((command, i) => this.#applyOnce(client, firstSerial + i, command, index));
  }

  #slide(client: Client, { firstSerial = 0, lowestSerial = 0, commands }: Batch): void {
    client.highest = Math.max(client.highest, firstSerial + commands.length - 1);
    const slid = Math.min(firstSerial, client.highest - this.#limits.serialWindowMax + 1);
    client.floor = Math.max(client.floor, lowestSerial, slid);
  }

  #applyOnce(client: Client, serial: number, command: Command, index: number): Answer {
    if (serial < client.floor) return { outcome: 'answered-long-ago', index };
    const before = client.answers.get(serial);
    if (before !== undefined) return before;
    const answer =
      command.kind === 'register' ? { outcome: 'refused', index } : this.#apply(command, index);
    // Only the fact is told again, not the value that was there.
    client.answers.set(serial, { outcome: answer.outcome, index });
    return answer;
  }

  #applyOpen(command: Command, index: number): Answer {
    if (command.kind !== 'register') return this.#apply(command, index);
    const clientId = ++this.#lastClientId;
    if (this.clients.size === this.#limits.sessionsMax) {
      this.clients.delete([...this.clients.keys()][0] ?? 0);
    }
    this.clients.set(clientId, { floor: 1, highest: 0, answers: new Map() });
    return { outcome: 'registered', index, clientId };
  }

  #apply(command: Exclude<Command, { kind: 'register' }>, index: number): Answer {
    switch (command.kind) {
      case 'get':
      case 'command':
      case 'query':
      case 'stage':
      case 'adopt':
        return { outcome: 'refused', index };
      case 'delete':
        return { outcome: this.values.delete(command.key) ? 'ok' : 'absent', index };
      case 'set':
        return { outcome: this.#set(command.key, command.value), index };
      case 'cas':
        return this.#cas(command, index);
    }
  }

  #cas(command: Extract<Command, { kind: 'cas' }>, index: number): Answer {
    const { key, expected, value, wantsCurrent } = command;
    const isThere = this.values.has(key);
    const current = this.values.get(key);
    if (!isThere && expected !== absent) return { outcome: 'absent', index };
    if (isThere && (expected === absent || !isDeepStrictEqual(current, expected))) {
      return { outcome: 'mismatch', index, ...(wantsCurrent ? { current } : {}) };
    }
    return { outcome: this.#set(key, value), index };
  }

  #set(key: string, value: Value): string {
    if (!this.values.has(key) && this.values.size >= this.#limits.keysMax) return 'full';
    this.values.set(key, value);
    return 'ok';
  }
}
