/**
 * One question: what does a mailbox cost on this machine?
 *
 * How many small messages a second one thread can push through a ring into another, and how long a
 * message takes to another thread and back. No other figure of balsa can be better than these two.
 */
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type ActorContext,
  type Behavior,
  type Child,
  openGuest,
  Supervisor,
} from '../src/actor/index.js';
import { systemClock } from '../src/clock.js';
import { floodKind, pingKind } from './mailbox-kinds.js';

export interface MeasureOptions {
  /** How long to measure, s > 0. */
  readonly seconds: number;
}

export interface RingFigures {
  readonly messagesPerSecond: number;
  readonly bytesPerMessage: number;
}

export interface RoundTripFigures {
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly roundTrips: number;
}

const bodyBytes = 16;
/**
 * A turn of the flood ends after this many messages, so that the thread's timers have their say.
 */
const floodFramesMax = 16_384;

/** The share of the measured time that goes before it, for the compiler to have done its work. */
const warmUpShare = 0.25;

const worker = new URL('./mailbox-peer.js', import.meta.url);

/** Floods a ring with messages of 16 bytes and counts what arrives. */
export async function measureRing({ seconds }: MeasureOptions): Promise<RingFigures> {
  await using supervisor = new Supervisor();
  const peer = await supervisor.start({ id: 'peer', worker });
  await using _guest = openGuest(supervisor.openPort([peer.actor]), (context) =>
    flood(context, peer.actor),
  );
  await setTimeout(seconds * warmUpShare * 1_000);
  const first = await arrivals(peer);
  await setTimeout(seconds * 1_000);
  const last = await arrivals(peer);
  const messagesPerMs = (last.count - first.count) / (last.atMs - first.atMs);
  return { messagesPerSecond: Math.round(messagesPerMs * 1_000), bytesPerMessage: bodyBytes };
}

/** Sends a message of 16 bytes there and back, one at a time. */
export async function measureRoundTrip({ seconds }: MeasureOptions): Promise<RoundTripFigures> {
  await using supervisor = new Supervisor();
  const peer = await supervisor.start({ id: 'peer', worker });
  const micros: number[] = [];
  await using _guest = openGuest(supervisor.openPort([peer.actor]), (context) =>
    pingPong(context, peer.actor, micros),
  );
  await setTimeout(seconds * warmUpShare * 1_000);
  micros.length = 0;
  await setTimeout(seconds * 1_000);
  micros.sort((a, b) => a - b);
  return { p50Micros: at(micros, 0.5), p99Micros: at(micros, 0.99), roundTrips: micros.length };
}

/** Sends until the ring is full; the next turn comes when the peer has given room back. */
function flood(context: ActorContext, peer: number): Behavior {
  return {
    turn() {
      const link = context.link(peer);
      for (let sent = 0; sent < floodFramesMax; sent += 1) {
        if (!link?.begin('bulk', floodKind, bodyBytes)) return false;
        link.bytes[link.offset] = sent;
        link.end(bodyBytes);
      }
      return true;
    },
  };
}

/** Sends a message whenever the one before has come back. */
function pingPong(context: ActorContext, peer: number, micros: number[]): Behavior {
  const body = new Uint8Array(bodyBytes);
  let sentMs = systemClock.nowMs();
  const ping = (): void => {
    sentMs = systemClock.nowMs();
    context.link(peer)?.send('bulk', pingKind, body);
  };
  ping();
  return {
    turn() {
      const pongs = context.mailbox.drain(() => {
        micros.push((systemClock.nowMs() - sentMs) * 1_000);
      });
      context.mailbox.release();
      if (pongs > 0) ping();
      return pongs > 0;
    },
  };
}

async function arrivals(peer: Child): Promise<{ count: number; atMs: number }> {
  const count = (await peer.call('flooded')) as number;
  return { count, atMs: systemClock.nowMs() };
}

function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.floor((sorted.length - 1) * quantile)] ?? Number.NaN;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ring = await measureRing({ seconds: 2 });
  console.log(`ring flood   ${(ring.messagesPerSecond / 1e6).toFixed(2)} million messages/s`);
  const trip = await measureRoundTrip({ seconds: 2 });
  console.log(
    `round trip   p50 ${trip.p50Micros.toFixed(1)} µs, p99 ${trip.p99Micros.toFixed(1)} µs`,
  );
}
