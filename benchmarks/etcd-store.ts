/** A cluster of etcd as something that load can be put on. */
import type { LoadTarget } from '../src/store/load.js';
import type { CallOptions, SetResult, Store, Value } from '../src/store/store.js';
import type { EtcdMembers } from './etcd-members.js';
import { putRequest, putRevision, rangeKeyValue, rangeRequest } from './etcd-messages.js';
import { GrpcChannel, GrpcError } from './grpc-channel.js';

export class EtcdStore implements LoadTarget, Pick<Store, 'getMany'>, Disposable {
  /** Calls that were answered with an error, by what it said. */
  readonly errors: Record<string, number> = {};
  readonly #members: EtcdMembers;
  #channel: { readonly port: number; readonly line: GrpcChannel } | undefined;

  constructor(members: EtcdMembers) {
    this.#members = members;
  }

  /** Connects to the member that leads: no call is to make a detour. Call it before any other. */
  async toLeader(): Promise<void> {
    const { port } = await this.#members.leader();
    if (this.#channel?.port === port) return;
    this.#channel?.line[Symbol.dispose]();
    const onLost = (error: Error): void => {
      this.#members.fail(
        `the connection to etcd at port ${port} was lost: ${error.message}`,
        error,
      );
    };
    this.#channel = { port, line: new GrpcChannel({ port, onLost }) };
  }

  /** The index is the revision: of two writes of a key, the later one's is higher. */
  set(key: string, value: Value): Promise<SetResult> {
    if (!(value instanceof Uint8Array)) throw new TypeError('etcd stores bytes');
    return this.#call('/etcdserverpb.KV/Put', putRequest(key, value), (answer) => ({
      index: putRevision(answer),
    }));
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#call('/etcdserverpb.KV/Range', rangeRequest(key), (answer) => {
      const found = rangeKeyValue(answer);
      // A copy, and no `Buffer`: its `slice` would be a view of what the socket has read.
      return found === undefined ? undefined : new Uint8Array(found.value);
    });
  }

  /** How often the key was written. */
  version(key: string): Promise<number> {
    return this.#call('/etcdserverpb.KV/Range', rangeRequest(key), (answer) => {
      return rangeKeyValue(answer)?.version ?? 0;
    });
  }

  getMany(
    keys: Iterable<string>,
    { signal }: CallOptions = {},
  ): Promise<(Uint8Array | undefined)[]> {
    signal?.throwIfAborted();
    return Promise.all([...keys].map((key) => this.get(key)));
  }

  [Symbol.dispose](): void {
    this.#channel?.line[Symbol.dispose]();
    this.#channel = undefined;
  }

  #call<T>(path: string, request: Uint8Array, read: (answer: Buffer) => T): Promise<T> {
    if (this.#channel === undefined) throw new Error('toLeader comes first');
    return this.#channel.line.call(path, request).then(read, (error: unknown) => {
      if (error instanceof GrpcError) {
        this.errors[error.message] = (this.errors[error.message] ?? 0) + 1;
      }
      throw error;
    });
  }
}
