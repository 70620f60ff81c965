/**
 * The store on one thread without consensus, with the same client and the same limits: what a
 * benchmark divides by to say what consensus costs.
 */
import { Supervisor } from '../actor/supervisor.js';
import type { Client } from '../store/client.js';
import { connect } from '../store/connect.js';
import { bulkBytesOf, serialWindowOf } from './node-spec.js';
import { type ClusterOptions, resolveOptions } from './options.js';

export interface Baseline extends AsyncDisposable {
  readonly client: Client;
  close(): Promise<void>;
}

const soloWorker = new URL('../../workers/solo.js', import.meta.url);

/** Starts the thread and opens a client. Rejects as `createCluster` does. */
export async function createBaseline(options: ClusterOptions = {}): Promise<Baseline> {
  const resolved = resolveOptions(options);
  const { sessionsMax, requestTimeoutMs, outstandingMax, entryBytesMax, valueBytesMax, seed } =
    resolved;
  const supervisor = new Supervisor({ linkOptions: { bulkBytes: bulkBytesOf(resolved) } });
  try {
    const serialWindowMax = serialWindowOf(resolved);
    const data = { store: { sessionsMax, serialWindowMax } };
    const solo = await supervisor.start({ id: 'solo', worker: soloWorker, data });
    const client = await connect({
      guest: supervisor.openPort([solo.actor]),
      nodes: [{ id: solo.id, actor: solo.actor }],
      options: {
        requestTimeoutMs,
        outstandingMax,
        batchBytesMax: entryBytesMax,
        valueBytesMax,
        serialWindowMax,
        seed,
      },
    });
    const close = async (): Promise<void> => {
      await client.close();
      await supervisor[Symbol.asyncDispose]();
    };
    return { client, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await supervisor[Symbol.asyncDispose]();
    throw error;
  }
}
