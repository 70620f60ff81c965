/**
 * The options of a client and of its calls: documented, defaulted and validated here.
 */
import type { ActorId } from '../actor/space.js';
import { RaftError } from '../errors.js';
import type { NodeId } from '../raft/index.js';
import { type Consistency, consistencyCode } from './protocol.js';
import type { CallOptions, ReadOptions } from './store.js';

/** A node and the actor that plays it. */
export interface ClientNode {
  readonly id: NodeId;
  readonly actor: ActorId;
}

/** All have defaults; a cluster hands its own limits to its clients. */
export interface ClientOptions {
  /** Time limit of a call that states none. Whole ms > 0, default 5,000. */
  readonly requestTimeoutMs?: number;
  /** Calls that may be under way; one more rejects with `RAFT_OVERLOADED`. Default 65,536. */
  readonly outstandingMax?: number;
  /** Calls that travel together at most. 1 to 65,536, default 512. */
  readonly batchMax?: number;
  /**
   * Bytes of the largest batch, and so of what one `setMany` can hold: what the nodes take as one
   * log entry. 4 KiB to 16 MiB, default 1 MiB.
   */
  readonly batchBytesMax?: number;
  /** Bytes of a key in UTF-8. 1 to 65,535, default 1,024. */
  readonly keyBytesMax?: number;
  /** Bytes of an encoded value, default half of `batchBytesMax`, which is also the most. */
  readonly valueBytesMax?: number;
  /** Serial numbers that may be under way in a session; at most what the nodes remember. 8,192. */
  readonly serialWindowMax?: number;
  /** Seeds the jitter of the back-off. A safe integer, default 0. */
  readonly seed?: number;
}

export type ResolvedClientOptions = Required<ClientOptions>;

const dayMs = 86_400_000;

/** Checks all options and fills in the defaults. Throws `RAFT_INVALID_OPTION`. */
export function resolveClientOptions(options: ClientOptions = {}): ResolvedClientOptions {
  const batchBytesMax = whole('batchBytesMax', options.batchBytesMax ?? 2 ** 20, {
    min: 4096,
    max: 2 ** 24,
  });
  const valueBytesLimit = batchBytesMax / 2;
  return {
    requestTimeoutMs: timeout('requestTimeoutMs', options.requestTimeoutMs ?? 5_000),
    outstandingMax: whole('outstandingMax', options.outstandingMax ?? 65_536, { max: 2 ** 24 }),
    batchMax: whole('batchMax', options.batchMax ?? 512, { max: 65_536 }),
    batchBytesMax,
    keyBytesMax: whole('keyBytesMax', options.keyBytesMax ?? 1_024, { max: 0xffff }),
    valueBytesMax: whole('valueBytesMax', options.valueBytesMax ?? Math.floor(valueBytesLimit), {
      max: valueBytesLimit,
    }),
    serialWindowMax: whole('serialWindowMax', options.serialWindowMax ?? 8_192, { max: 2 ** 24 }),
    seed: whole('seed', options.seed ?? 0, { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
}

/** The options of one call, checked: what is absent stays absent. */
export interface ResolvedCall {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly node: NodeId | undefined;
  readonly consistency: Consistency;
}

const callOptionNames: ReadonlySet<string> = new Set<keyof CallOptions>([
  'timeoutMs',
  'signal',
  'node',
]);

/** Checks the options of a write. Throws `RAFT_INVALID_OPTION`. */
export function resolveCall(options: CallOptions, requestTimeoutMs: number): ResolvedCall {
  return resolve(options, requestTimeoutMs, false);
}

/** Checks the options of a read. Throws `RAFT_INVALID_OPTION`. */
export function resolveRead(options: ReadOptions, requestTimeoutMs: number): ResolvedCall {
  return resolve(options, requestTimeoutMs, true);
}

function resolve(options: ReadOptions, requestTimeoutMs: number, isRead: boolean): ResolvedCall {
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', `is ${describe(options)}`, 'an object, or nothing');
  }
  for (const name of Object.keys(options)) {
    if (callOptionNames.has(name) || (isRead && name === 'consistency')) continue;
    const names = [...callOptionNames, ...(isRead ? ['consistency'] : [])].join(', ');
    throw invalid(name, `is no option of a ${isRead ? 'read' : 'write'}`, `one of ${names}`);
  }
  const { timeoutMs = requestTimeoutMs, signal, node, consistency = 'linearizable' } = options;
  timeout('timeoutMs', timeoutMs);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid('signal', `is ${describe(signal)}`, 'an AbortSignal');
  }
  if (node !== undefined && typeof node !== 'string') {
    throw invalid('node', `is ${describe(node)}`, 'the name of a node');
  }
  if (!Object.hasOwn(consistencyCode, consistency)) {
    const names = Object.keys(consistencyCode).join(', ');
    throw invalid('consistency', `is ${describe(consistency)}`, `one of ${names}`);
  }
  return { timeoutMs, signal, node, consistency };
}

function timeout(option: string, value: number): number {
  return whole(option, value, { max: dayMs, unit: ' of ms' });
}

function whole(
  option: string,
  value: number,
  { min = 1, max, unit = '' }: { min?: number; max: number; unit?: string },
): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const expected = `a whole number${unit} from ${min} to ${max}`;
  throw invalid(option, `is ${describe(value)}`, expected);
}

function invalid(option: string, found: string, expected: string): RaftError {
  return new RaftError('RAFT_INVALID_OPTION', `${option} ${found}; expected ${expected}`, {
    details: { outcome: 'rejected', option },
  });
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
