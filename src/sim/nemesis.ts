/** Does to a simulated cluster what a plan of faults says, and takes it all back. */

import type { Fault, PlannedFault } from '../chaos/fault.js';
import type { Installed } from '../network/installed.js';
import type { Link } from '../network/link.js';
import { cutLinks, type PartitionShape } from '../network/partition.js';
import { resolve, type Selector, type SelectorContext } from '../network/selector.js';
import type { Prng } from '../prng.js';
import type { DiskFaults } from '../storage/faulty.js';
import { LeaderWatch } from './agreement.js';
import { FileDisk } from './file-disk.js';
import type { SimNode } from './node.js';
import type { Stage } from './stage.js';

/** What a fault leaves behind until it is taken back. */
type Undo = () => void;

/** What a fault may ask for when it begins. */
interface Scene extends Pick<SelectorContext, 'leaderId' | 'prng'> {
  readonly select: (selector: Selector) => SimNode[];
  readonly cut: (shape: PartitionShape) => Link[];
}

export class Nemesis {
  readonly #stage: Stage;
  readonly #prng: Prng;
  #isOver = false;
  readonly #active = new Map<PlannedFault, { readonly place: number; readonly undo: Undo }>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#prng = stage.prng.fork('nemesis');
  }

  /** Sets the timers of a plan. */
  schedule(plan: readonly PlannedFault[]): void {
    const { time } = this.#stage;
    for (const [place, planned] of plan.entries()) {
      time.setTimer(planned.at, () => this.#begin(planned, place));
      time.setTimer(Math.max(planned.at, planned.until), () => this.#end(planned));
    }
  }

  /**
   * Takes back whatever is in force, starts whoever is down, and does nothing more. Some nodes may
   * stay away, or go now.
   */
  healAll(absent: readonly string[] = []): void {
    this.#isOver = true;
    for (const planned of [...this.#active.keys()]) this.#end(planned);
    for (const node of this.#stage.nodes) {
      if (node.disk instanceof FileDisk) node.disk.mend();
      if (node.isPaused) node.resume();
      if (absent.includes(node.id)) this.#crash(node);
      else node.start();
    }
  }

  #begin(planned: PlannedFault, place: number): void {
    if (this.#isOver) return;
    const { nodes } = this.#stage;
    // Each fault draws for itself: one that is left out changes nothing for the others.
    const context = {
      nodes: nodes.map(({ id }) => id),
      leaderId: new LeaderWatch(nodes).leader?.id,
      prng: this.#prng.fork(`${planned.at} ${planned.fault.kind}`),
    };
    const meant: string[] = [];
    const select = (selector: Selector): SimNode[] => {
      const ids = new Set(resolve(selector, context));
      meant.push(...ids);
      return nodes.filter(({ id }) => ids.has(id));
    };
    try {
      const cut = (shape: PartitionShape): Link[] => {
        const links = cutLinks(shape, context);
        meant.push(...cutTexts(links));
        return links;
      };
      const undo = this.#inflict(planned.fault, { ...context, select, cut });
      this.#active.set(planned, { place, undo });
      this.#stage.reach(`fault: ${planned.fault.kind}`);
      const whom = meant.length === 0 ? '' : ` (${meant.join(' ')})`;
      this.#stage.note(`fault ${place} begins: ${JSON.stringify(planned.fault)}${whom}`);
    } catch (error) {
      // A role that nobody plays now, or too few nodes for the shape.
      this.#stage.note(
        `fault ${place} has nobody: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  #end(planned: PlannedFault): void {
    const active = this.#active.get(planned);
    if (active === undefined) return;
    this.#active.delete(planned);
    active.undo();
    this.#stage.note(`fault ${active.place} ends: ${planned.fault.kind}`);
  }

  #inflict(fault: Fault, { select, cut, leaderId, prng }: Scene): Undo {
    const { network } = this.#stage.wiring;
    switch (fault.kind) {
      case 'partition': {
        const { shape, mode } = fault;
        return releaser(network.partition(cut(shape), { mode }));
      }
      case 'link':
        return this.#weather(network.link(fault.options), fault.options.between !== undefined);
      case 'pause': {
        const paused = select(fault.nodes).filter(({ isUp, isPaused }) => isUp && !isPaused);
        for (const node of paused) node.pause();
        return () => {
          for (const node of paused) node.resume();
        };
      }
      case 'crash': {
        const crashed = select(fault.nodes).filter(({ isUp }) => isUp);
        for (const node of crashed) this.#crash(node);
        return () => {
          for (const node of crashed) node.start();
        };
      }
      case 'clock-jump':
        for (const node of select(fault.nodes)) node.clock.jump(fault.byMs);
        return () => {};
      case 'slow-disk': {
        const slowed = select(fault.nodes);
        for (const { id } of slowed) this.#slow(id, fault.byMs);
        return () => {
          for (const { id } of slowed) this.#slow(id, -fault.byMs);
        };
      }
      case 'disk':
        return this.#failDisks(select(fault.nodes), fault.faults);
      case 'power-loss':
        return this.#cutPower(select(fault.nodes), fault.changes);
      case 'rot':
        return this.#rot(select(fault.nodes), fault.loses, prng);
      case 'stall': {
        const { clients } = this.#stage;
        const client = clients[fault.client % clients.length];
        client?.stall();
        return () => client?.resume();
      }
      case 'transfer': {
        const [target] = select(fault.to);
        const leader = this.#stage.nodes.find(({ id }) => id === leaderId);
        if (target) leader?.act(({ raft }) => raft.transferLeadership(target.id));
        return () => {};
      }
      case 'campaign':
        for (const node of select(fault.nodes)) node.act(({ raft }) => raft.campaign());
        return () => {};
    }
  }

  #crash(node: SimNode): void {
    node.crash();
    this.#stage.tellDeath();
  }

  #failDisks(nodes: readonly SimNode[], faults: DiskFaults): Undo {
    const { seed = 0 } = faults;
    // Disks that fail by one seed would all fail at once.
    for (const [place, { disk }] of nodes.entries()) {
      if (disk instanceof FileDisk) disk.fail({ ...faults, seed: seed + place });
    }
    return () => {
      for (const node of nodes) {
        if (node.disk instanceof FileDisk) node.disk.fail({});
        if (node.isRefused) node.start();
      }
    };
  }

  #cutPower(nodes: readonly SimNode[], changes: number): Undo {
    const cut = (node: SimNode): void => {
      if (!node.isUp) return;
      if (node.disk instanceof FileDisk) node.disk.cutPower();
      this.#crash(node);
    };
    for (const node of nodes) {
      if (changes > 0 && node.disk instanceof FileDisk) node.disk.armPowerLoss(changes);
      else cut(node);
    }
    return () => {
      for (const node of nodes) {
        if (node.disk instanceof FileDisk && node.disk.isArmed) cut(node);
        node.start();
      }
    };
  }

  #rot(nodes: readonly SimNode[], loses: 'bit' | 'all', prng: Prng): Undo {
    for (const node of nodes) {
      if (node.isUp) this.#crash(node);
      if (!(node.disk instanceof FileDisk)) continue;
      if (loses === 'all') node.disk.lose();
      else node.disk.rot(prng);
    }
    return () => {
      for (const node of nodes) node.start();
    };
  }

  #slow(id: string, byMs: number): void {
    const { slowMs } = this.#stage;
    slowMs.set(id, (slowMs.get(id) ?? 0) + byMs);
  }

  #weather(installed: Installed, touchesClients: boolean): Undo {
    const { wiring } = this.#stage;
    if (touchesClients) wiring.exposures += 1;
    return () => {
      installed.release();
      if (touchesClients) wiring.exposures -= 1;
    };
  }
}

/** `n1-n2` is cut both ways, `n1>n2` that way. */
function cutTexts(links: readonly Link[]): string[] {
  const cut = new Set(links.map(({ source, destination }) => `${source}>${destination}`));
  return links.flatMap(({ source, destination }) => {
    if (!cut.has(`${destination}>${source}`)) return [`${source}>${destination}`];
    return source < destination ? [`${source}-${destination}`] : [];
  });
}

function releaser(installed: Installed): Undo {
  return () => installed.release();
}
