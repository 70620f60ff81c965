/**
 * Unary gRPC calls over one HTTP/2 connection: just what a load generator needs.
 *
 *     HEADERS  :path …      ->
 *     DATA     0, length, message ->
 *                           <-  HEADERS  :status 200
 *                           <-  DATA     0, length, message
 *                           <-  HEADERS  grpc-status 0   (the trailers)
 *
 * Not `@grpc/grpc-js`: it runs on the same HTTP/2 of Node.js and costs as much again for each call,
 * so a generator of load that uses it measures itself.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';

/** What the server said instead of an answer. */
export class GrpcError extends Error {
  /** See `grpc/status`: 14 is UNAVAILABLE. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.status = status;
  }
}

export interface GrpcChannelOptions {
  /** On this machine. */
  readonly port: number;
  /** The connection has broken, or a call had no answer in time. Called once, not by disposing. */
  readonly onLost: (error: Error) => void;
}

/** Nothing that is measured takes this long. */
const silenceMsMax = 10_000;
/** So large that no answer ever waits for leave to be sent. */
const windowBytes = 2 ** 24;
const prefixBytes = 5;

export class GrpcChannel implements Disposable {
  readonly #session: ClientHttp2Session;
  #outstanding = 0;
  #isClosed = false;

  constructor({ port, onLost }: GrpcChannelOptions) {
    const host = '127.0.0.1';
    const session = connectHttp2(`http://${host}:${port}`, {
      createConnection: () => connectSocket({ host, port, noDelay: true }),
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    this.#session = session;
    let lost = new Error('the connection has ended');
    session.on('connect', () => session.setLocalWindowSize(windowBytes));
    session.on('error', (error: Error) => {
      lost = error;
    });
    session.on('close', () => {
      if (!this.#isClosed) onLost(lost);
    });
    session.setTimeout(silenceMsMax, () => {
      if (this.#outstanding === 0) return;
      session.destroy(new Error(`no answer for ${silenceMsMax / 1_000} s`));
    });
  }

  /** Resolves to the message of the answer. Rejects with a `GrpcError`, or if the line is lost. */
  call(path: string, message: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      this.#outstanding += 1;
      const settle = (error: Error | undefined, answer: Buffer): void => {
        this.#outstanding -= 1;
        if (error === undefined) resolve(answer);
        else reject(error);
      };
      listen(stream, settle);
      stream.end(frameOf(message));
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#session.destroy();
  }
}

/** A message as it goes over the line: not compressed, its length in front. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

type Headers = Readonly<Record<string, unknown>>;

/** Calls `settle` once: with the answer, or with why there is none. */
function listen(
  stream: ClientHttp2Stream,
  settle: (error: Error | undefined, answer: Buffer) => void,
): void {
  let body: Buffer = Buffer.alloc(0);
  let status: Headers | undefined;
  let isSettled = false;
  const end = (error?: Error): void => {
    if (isSettled) return;
    isSettled = true;
    settle(error ?? failureOf(status, body), body.subarray(prefixBytes));
  };
  // An answer without a message has its status in the first headers.
  stream.on('response', (headers) => {
    if (headers['grpc-status'] !== undefined) status = headers;
  });
  stream.on('data', (bytes: Buffer) => {
    body = body.length === 0 ? bytes : Buffer.concat([body, bytes]);
  });
  stream.on('trailers', (headers) => {
    status = headers;
  });
  stream.on('end', () => {
    if (status !== undefined) end();
  });
  stream.on('error', end);
  stream.on('close', () => end());
}

function failureOf(status: Headers | undefined, body: Buffer): Error | undefined {
  if (status === undefined) return new Error('the call was broken off');
  const code = Number(status['grpc-status']);
  if (code !== 0) return new GrpcError(code, decodeURIComponent(String(status['grpc-message'])));
  const isWhole = body.length >= prefixBytes && body.readUInt32BE(1) === body.length - prefixBytes;
  return isWhole ? undefined : new Error('the answer is not one whole message');
}
