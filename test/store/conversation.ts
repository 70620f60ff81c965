/** What a conversation with the fake cluster needs: a beginning, fates for its writes, a record. */
import {
  FakeCluster,
  type FakeClusterOptions,
  type Fate,
  type Request,
  serialsOf,
} from './fake-cluster.js';

/** The first writes meet these fates, in order; then all is well. Registrations always are. */
export function fates(cluster: FakeCluster, ...first: readonly Fate[]): void {
  const left = [...first];
  cluster.fate = (request) => (isRegistration(request) ? 'answer' : (left.shift() ?? 'answer'));
}

export function isRegistration(request: Request): boolean {
  return request.kind === 'write' && serialsOf(request).clientId === 0;
}

/** Writes that arrived, as `node firstSerial+count`. */
export function writes(cluster: FakeCluster): string[] {
  return cluster.requests
    .filter((request) => request.kind === 'write' && !isRegistration(request))
    .map((request) => {
      const { firstSerial, count } = serialsOf(request);
      return `${request.node} ${firstSerial}+${count}`;
    });
}

/** The session is open and n1 leads. */
export async function ready(options?: FakeClusterOptions): Promise<FakeCluster> {
  const cluster = new FakeCluster(options);
  cluster.node('n1').hint('n1', 1);
  await cluster.settle();
  void cluster.client.set('first', 0);
  await cluster.settle();
  cluster.requests.length = 0;
  return cluster;
}

/** What another client sends to open a session. */
export function registration(): Buffer {
  const body = Buffer.alloc(48);
  body.writeUInt32LE(48, 0);
  body.writeUInt32LE(1, 4);
  body[40] = 4;
  return body;
}
