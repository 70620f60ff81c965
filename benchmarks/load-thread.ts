/** One client's load, on a thread of a pool. */
import { Prng } from '../src/prng.js';
import { type ClientPort, connect } from '../src/store/connect.js';
import { type LoadReport, runLoad } from '../src/store/load.js';
import type { PlainLoad } from './clients.js';

export interface LoadTask {
  readonly port: ClientPort;
  readonly load: PlainLoad;
  readonly seed: number;
}

export async function runLoadTask({ port, load, seed }: LoadTask): Promise<LoadReport> {
  await using store = await connect(port);
  return await runLoad({ ...load, store, prng: new Prng(seed).fork(load.loadId ?? 1) });
}
