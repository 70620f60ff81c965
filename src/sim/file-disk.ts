/**
 * A node's directory on a disk that can lose its power, fail, and lie: the write-ahead log and the
 * snapshot files are those of `createCluster({ dataDir })`, only the file system below is played.
 *
 *     StorageLife ── write-ahead log ── FaultyFileSystem ── SimulatedDisk
 *          └── shadow of what is durable: each new life has to find it again
 *
 * A directory that comes back without what it had promised must be refused; a sound one must not.
 */
import { isRaftError, RaftError } from '../errors.js';
import type { Prng } from '../prng.js';
import { type DiskFaults, FaultyFileSystem } from '../storage/faulty.js';
import { openFileStorage, type Storage } from '../storage/index.js';
import { SimulatedDisk } from '../storage/simulated-disk.js';
import type { Disk, DiskSizes } from './disk.js';
import type { Report } from './ledger.js';
import { Shadow, Trail } from './shadow.js';
import { StorageLife, type StorageWatch, type Write } from './storage-life.js';

export interface FileDiskOptions {
  readonly nodeId: string;
  readonly sizes: DiskSizes;
  /** Bytes of a segment's file. */
  readonly segmentBytes: number;
  readonly watch: StorageWatch;
  readonly prng: Prng;
  readonly report: Report;
}

/** Thrown out of the middle of whatever the node is doing. */
class PowerLost extends Error {}

const directory = '/node';
const nothing = new Uint8Array();

export class FileDisk implements Disk {
  readonly #options: FileDiskOptions;
  #disk = new SimulatedDisk();
  #fileSystem: FaultyFileSystem;
  readonly #trail = new Trail();
  /** Whether the disk was made to say no. */
  #isLoud = false;
  /** How often something was spoiled without a word. */
  #spoiled = 0;
  /** What the last life had not synced. */
  #unsynced: readonly Write[] = [];
  #life: StorageLife | undefined;
  #isFounded = false;
  #isPowerless = false;
  /** Changes of the disk until the power fails. */
  #changesLeft = Number.POSITIVE_INFINITY;
  #stalledMs = 0;

  constructor(options: FileDiskOptions) {
    this.#options = options;
    this.#fileSystem = this.#mount();
  }

  get durable(): Shadow {
    return this.#trail.now;
  }

  open(): Storage {
    const { sizes, segmentBytes, watch } = this.#options;
    const live = openFileStorage({
      ...sizes,
      directory,
      directoryId: 1,
      segmentBytes,
      mustExist: this.#isFounded,
      fileSystem: this.#fileSystem,
    });
    this.#isFounded = true;
    this.#compare(Shadow.of(live));
    watch.recovered(live);
    return this.#begin(live);
  }

  crash(): void {
    this.#unsynced = this.#life?.abort() ?? this.#unsynced;
    this.#life = undefined;
    if (this.#isPowerless) this.#restorePower();
  }

  /** The power fails after so many more changes of the disk. */
  armPowerLoss(changes: number): void {
    this.#changesLeft = changes;
  }

  /** Whether the power has failed, so that the node is as good as dead. */
  get isPowerless(): boolean {
    return this.#isPowerless;
  }

  /** Whether the power is about to fail. */
  get isArmed(): boolean {
    return this.#changesLeft !== Number.POSITIVE_INFINITY;
  }

  /** From now on it is sound, but for what it has lost. */
  mend(): void {
    this.fail({});
    this.#changesLeft = Number.POSITIVE_INFINITY;
  }

  /** The power fails now. */
  cutPower(): void {
    this.#isPowerless = true;
  }

  /** From now on the disk fails like this; `{}` makes it sound again. */
  fail(faults: DiskFaults): void {
    const { errorChance = 0, fullChance = 0 } = faults;
    if (errorChance > 0 || fullChance > 0) this.#isLoud = true;
    this.#fileSystem.faults = faults;
  }

  /** A bit that had been durable is another one. False if there is none yet. */
  rot(prng: Prng): boolean {
    const [path, length] = this.#pickFile(prng) ?? [];
    if (path === undefined || length === undefined) return false;
    this.#disk.damage(path, prng.int(0, length - 1), 1 << prng.int(0, 7));
    this.#spoiled += 1;
    return true;
  }

  /** All files are gone. */
  lose(): void {
    this.#disk = new SimulatedDisk();
    this.#fileSystem = this.#mount();
    this.#spoiled += 1;
  }

  mayRefuse(error: unknown): boolean {
    const isSpoiled = this.#isSpoiled;
    if (this.#isPowerless) return true;
    this.#options.watch.reached(`refused: ${isRaftError(error) ? error.code : 'another error'}`);
    return isSpoiled || (this.#isLoud && isRaftError(error, 'RAFT_STORAGE_FAILED'));
  }

  takeStalledMs(): number {
    const stalledMs = this.#stalledMs;
    this.#stalledMs = 0;
    return stalledMs;
  }

  discard(): void {
    this.#life?.abort();
    this.#life = undefined;
  }

  #mount(): FaultyFileSystem {
    this.#disk.onChange = () => this.#changed();
    return new FaultyFileSystem(this.#disk, (ms) => {
      this.#stalledMs += ms;
    });
  }

  #changed(): void {
    this.#changesLeft -= 1;
    if (this.#changesLeft <= 0) this.#isPowerless = true;
    if (this.#isPowerless) throw new PowerLost();
  }

  #restorePower(): void {
    const { prng, watch } = this.#options;
    this.#changesLeft = Number.POSITIVE_INFINITY;
    this.#disk.losePower(prng.pick(['none', 'some', 'some', 'all']), prng);
    this.#isPowerless = false;
    watch.reached('power lost');
  }

  #begin(live: Storage): Storage {
    this.#life = new StorageLife({
      live,
      mirror: this.#trail,
      watch: this.#options.watch,
      isDelayed: true,
      // A tail that is torn may end between two entries.
      pieces: (entries) => entries.map((entry) => [{ ...entry, payload: nothing }]),
      sync: (_isClean, done) => {
        live.sync(() => {
          done();
          this.#trail.endSync();
        });
      },
      ended: () => {},
    });
    return this.#life;
  }

  get #isSpoiled(): boolean {
    return this.#spoiled + this.#fileSystem.spoiled > 0;
  }

  /**
   * A new life must find what was durable, and of what was not synced some first part.
   *
   * Damage is seen by what a later sync wrote behind it. If that is damaged as well, or there was
   * no later one, no log can tell it from a tail that was on its way: so a disk that lied so often
   * may take the end away without a trace. Such a node would have to stay away: this throws.
   */
  #compare(found: Shadow): void {
    const { nodeId, report, watch } = this.#options;
    const unsynced = this.#unsynced;
    this.#unsynced = [];
    // A snapshot that could not be read counts as damaged: the one before it will do.
    const mayFallBack = this.#isSpoiled || this.#isLoud;
    const state = this.#trail.now.copy();
    const first = state.departureOf(found, mayFallBack);
    let departure = first;
    let kept = 0;
    for (; departure !== undefined && kept < unsynced.length; kept += 1) {
      unsynced[kept]?.(state);
      departure = state.departureOf(found, mayFallBack);
    }
    if (departure === undefined) {
      for (const write of unsynced.slice(0, kept)) write(this.#trail);
      this.#trail.endSync();
      return;
    }
    const lies = this.#spoiled + this.#fileSystem.spoiled;
    if (lies > 0 && this.#trail.wasLately(found, lies)) watch.reached('end lost without a trace');
    else report('what is durable is found again', `${nodeId} has ${first}`);
    throw new RaftError('RAFT_STORAGE_CORRUPT', `${nodeId} has ${first}`);
  }

  /** A file that was written to, and up to where. */
  #pickFile(prng: Prng): [string, number] | undefined {
    const names = this.#disk.list(directory).filter((name) => !/next|unfinished/.test(name));
    const paths = names.sort().map((name) => `${directory}/${name}`);
    const used = paths.map((path): [string, number] => [path, this.#usedBytes(path)]);
    const candidates = used.filter(([, length]) => length > 0);
    return candidates.length === 0 ? undefined : prng.pick(candidates);
  }

  #usedBytes(path: string): number {
    const file = this.#disk.open(path, 'existing');
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0);
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end -= 1;
    return end;
  }
}
