/** The calls of the load on etcd, against a server of this process: what it may do to them. */
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import {
  putRequest,
  putRevision,
  rangeKeyValue,
  rangeRequest,
  statusOf,
} from '../../benchmarks/etcd-messages.js';
import { GrpcChannel, GrpcError } from '../../benchmarks/grpc-channel.js';

interface Line {
  readonly channel: GrpcChannel;
  /** Resolves when the channel has told that it was lost. */
  readonly lost: Promise<Error>;
}

/** A channel to a server that does this with each call. */
async function lineTo(
  t: ExecutionContext,
  serve: (stream: ServerHttp2Stream, request: Buffer) => void,
): Promise<Line> {
  const server = createServer();
  server.on('stream', (stream) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => serve(stream, Buffer.concat(parts)));
    stream.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let channel: GrpcChannel | undefined;
  const lost = new Promise<Error>((resolve) => {
    const { port } = server.address() as AddressInfo;
    channel = new GrpcChannel({ port, onLost: resolve });
  });
  t.teardown(() => {
    channel?.[Symbol.dispose]();
    server.close();
  });
  return { channel: channel as unknown as GrpcChannel, lost };
}

function answer(stream: ServerHttp2Stream, frame: Buffer, trailers: Record<string, string>): void {
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(frame);
}

const well = { 'grpc-status': '0' };

test('a call brings the message there and the answer back, in frames', async (t) => {
  const { channel } = await lineTo(t, (stream, request) => answer(stream, request, well));

  const answers = await Promise.all([
    channel.call('/echo', Buffer.from('hello')),
    channel.call('/echo', Buffer.alloc(100_000, 'x')),
    channel.call('/echo', Buffer.alloc(0)),
  ]);

  t.deepEqual(answers.map(String), ['hello', 'x'.repeat(100_000), '']);
});

test('a status that is not 0 rejects with what the server said, with and without a body', async (t) => {
  const { channel } = await lineTo(t, (stream, request) => {
    const status = { 'grpc-status': '14', 'grpc-message': 'leader%20changed' };
    if (request.length > 5) answer(stream, request, status);
    else stream.respond({ ':status': 200, ...status }, { endStream: true });
  });

  for (const message of ['', 'some']) {
    const error = await t.throwsAsync(channel.call('/refuse', Buffer.from(message)));
    t.true(error instanceof GrpcError);
    t.like(error, { status: 14, message: 'leader changed' });
  }
});

test('an answer that is cut off, or has no status, is no answer', async (t) => {
  const { channel } = await lineTo(t, (stream, request) => {
    if (request.length > 5) answer(stream, request.subarray(0, 8), well);
    else {
      stream.respond({ ':status': 200 });
      stream.end(request);
    }
  });

  await t.throwsAsync(channel.call('/cut', Buffer.from('12345678')), { message: /one whole/ });
  await t.throwsAsync(channel.call('/silent', Buffer.alloc(0)), { message: /broken off/ });
});

test('a connection that breaks rejects what is under way, is told once, and rejects the rest', async (t) => {
  const { channel, lost } = await lineTo(t, (stream) => stream.session?.destroy());

  await t.throwsAsync(channel.call('/break', Buffer.from('x')));
  t.true((await lost) instanceof Error);
  await t.throwsAsync(channel.call('/late', Buffer.from('x')));
});

test('requests are the bytes of rpc.proto', (t) => {
  t.is(putRequest('k', Buffer.from('v')).toString('hex'), '0a016b120176');
  t.is(rangeRequest('key1').toString('hex'), '0a046b657931');
  const long = putRequest('k', Buffer.alloc(300, 0));
  t.is(long.subarray(0, 6).toString('hex'), '0a016b12ac02');
  t.is(long.length, 306);
});

/** What etcd 3.4.23 answered, in hexadecimal. */
const header = '0a1a08daf293dce78af3bec90110f7bad9bc8ef4b3836518ad022002';
const status = '1206332e342e32331880800320f7bad9bc8ef4b3836528b402300238b40248808003';
const range = '12130a046b657931100218ad0220ac022a0376616c2001';

test('answers are read as rpc.proto has them', (t) => {
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

  t.is(putRevision(bytes(header)), 301);
  const found = rangeKeyValue(bytes(header + range));
  t.deepEqual([String(found?.value), found?.version], ['val', 300]);
  t.is(rangeKeyValue(bytes(header)), undefined);
  const memberId = 7_279_734_137_678_093_687n;
  const leads = { memberId, leaderId: memberId, revision: 301, term: 2 };
  t.deepEqual(statusOf(bytes(header + status)), leads);
  for (const cut of [header.slice(0, -2), header.slice(0, 2), `${header}92`]) {
    t.throws(() => rangeKeyValue(bytes(cut)), { message: /cut off/ }, cut);
  }
});
