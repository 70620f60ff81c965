/**
 * What a supervisor can be told, with defaults, checked in one place.
 */
import type { Clock } from '../clock.js';
import { RaftError } from '../errors.js';
import type { ChildSpec } from './child.js';
import type { LinkOptions } from './link.js';
import {
  type Backoff,
  defaultRestartLimits,
  type RestartLimits,
  type Strategy,
} from './restart.js';
import type { ActorId } from './space.js';

export interface SupervisorOptions {
  /** Default `one-for-one`. */
  readonly strategy?: Strategy;
  /** Restarts allowed within `periodMs`; a whole number >= 0. Default 5. */
  readonly intensity?: number;
  /** Ms > 0. Default 10,000. */
  readonly periodMs?: number;
  /** Default: 50 ms, twice as long each time, at most 5,000 ms. */
  readonly backoff?: Partial<Backoff>;
  /** Ids for children and guests, the supervisor's own included; 2 to 65,536. Default 256. */
  readonly actorsMax?: number;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
  /** Of all links that are not given their own. */
  readonly linkOptions?: LinkOptions;
}

export interface ValidSupervisorOptions {
  readonly strategy: Strategy;
  readonly limits: RestartLimits;
  readonly actorsMax: number;
}

/** Throws `RAFT_INVALID_OPTION`, with the option's name in the details. */
export function validateOptions(options: SupervisorOptions): ValidSupervisorOptions {
  const { strategy = 'one-for-one', actorsMax = 256, backoff, linkOptions = {} } = options;
  const { intensity = defaultRestartLimits.intensity, periodMs = defaultRestartLimits.periodMs } =
    options;
  const waits = { ...defaultRestartLimits.backoff, ...backoff };
  check('strategy', strategy, 'one-for-one or one-for-all', isStrategy(strategy));
  check(
    'intensity',
    intensity,
    'a whole number >= 0',
    Number.isInteger(intensity) && intensity >= 0,
  );
  check('periodMs', periodMs, 'ms > 0', periodMs > 0);
  check('actorsMax', actorsMax, '2 to 65,536', isWithin(actorsMax, 2, 65_536));
  check('backoff.initialMs', waits.initialMs, 'ms >= 0', waits.initialMs >= 0);
  check('backoff.factor', waits.factor, 'a number >= 1', waits.factor >= 1);
  check('backoff.maxMs', waits.maxMs, 'ms >= initialMs', waits.maxMs >= waits.initialMs);
  validateLinkOptions(linkOptions);
  return { strategy, limits: { intensity, periodMs, backoff: waits }, actorsMax };
}

/** Throws `RAFT_INVALID_OPTION`: a ring's capacity is a power of two. */
export function validateLinkOptions({ controlBytes, bulkBytes }: LinkOptions): void {
  for (const [option, value] of Object.entries({ controlBytes, bulkBytes })) {
    if (value === undefined) continue;
    const isValid = isWithin(value, 2 ** 8, 2 ** 30) && (value & (value - 1)) === 0;
    check(option, value, 'a power of two from 2^8 to 2^30', isValid);
  }
}

/** Throws `RAFT_INVALID_OPTION`. */
export function validateConnection(a: ActorId, b: ActorId, options: LinkOptions): void {
  check('peer', b, 'another actor', a !== b);
  validateLinkOptions(options);
}

/** What a child spec is checked against. */
export interface Vacancy {
  readonly isNameTaken: boolean;
  /** Whether the id was allocated and nobody lives under it. */
  isActorFree(actor: ActorId): boolean;
}

/** Throws `RAFT_INVALID_OPTION`. */
export function validateSpec(spec: ChildSpec, { isNameTaken, isActorFree }: Vacancy): void {
  const { id, actor, worker, restart = 'permanent' } = spec;
  const { startTimeoutMs = 1, shutdownTimeoutMs = 0 } = spec;
  check('id', id, 'a name', typeof id === 'string' && id.length > 0);
  check('id', id, 'a name that no other child has', !isNameTaken);
  check('worker', worker, 'the URL of a module', worker instanceof URL);
  check('restart', restart, 'permanent, transient or temporary', isRestartType(restart));
  check('startTimeoutMs', startTimeoutMs, 'ms > 0', startTimeoutMs > 0);
  check('shutdownTimeoutMs', shutdownTimeoutMs, 'ms >= 0', shutdownTimeoutMs >= 0);
  if (actor === undefined) return;
  check('actor', actor, 'an id from allocateActor that no other has', isActorFree(actor));
}

function check(option: string, value: unknown, expected: string, isValid: boolean): void {
  if (isValid) return;
  throw new RaftError('RAFT_INVALID_OPTION', `${option} is ${value}; expected ${expected}`, {
    details: { option },
  });
}

function isStrategy(strategy: string): boolean {
  return strategy === 'one-for-one' || strategy === 'one-for-all';
}

function isRestartType(type: string): boolean {
  return type === 'permanent' || type === 'transient' || type === 'temporary';
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
