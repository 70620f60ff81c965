/**
 * What is used of the package `zeromq`, which is optional: without it balsa builds all the same,
 * and only `balsa-node` does not run.
 */
declare module 'zeromq' {
  interface SocketEvents {
    on(type: 'handshake' | 'disconnect', listener: () => void): unknown;
  }

  interface SocketOptions {
    /** Ms for which what was not sent yet keeps a closed socket in memory. */
    readonly linger?: number;
  }

  class Socket implements AsyncIterable<Buffer[]> {
    constructor(options?: SocketOptions);
    readonly events: SocketEvents;
    /** The address of the last `bind`. */
    readonly lastEndpoint: string;
    bind(address: string): Promise<void>;
    connect(address: string): void;
    close(): void;
    [Symbol.asyncIterator](): AsyncIterator<Buffer[]>;
  }

  export class Subscriber extends Socket {
    subscribe(...prefixes: string[]): void;
  }

  class Sender extends Socket {
    /** One at a time. */
    send(frames: readonly (string | Buffer)[]): Promise<void>;
  }

  export class Dealer extends Sender {}
  export class Publisher extends Sender {}
  export class Router extends Sender {}
}
