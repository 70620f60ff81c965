/** The partitions by name, in order of creation; those of failed nodes are named `#fail-ID#`. */
import { PythonError } from './python.js';
import type { ChiPartition, ChiTarget } from './target.js';

/** A name as a script gives it: null where the option was left out, which the tool allows. */
export type PartitionName = string | null;

interface Named {
  readonly name: PartitionName;
  readonly side1: readonly string[];
  readonly side2: readonly string[];
  readonly inForce: ChiPartition;
}

const failurePrefix = '#fail-';

export function failurePartition(nodeId: string): string {
  return `${failurePrefix}${nodeId}#`;
}

export class Partitions {
  readonly #target: ChiTarget;
  readonly #byName: Map<PartitionName, Named> = new Map();

  constructor(target: ChiTarget) {
    this.#target = target;
  }

  /** In order of creation; those without a name are left out. */
  get names(): string[] {
    return [...this.#byName.keys()].filter((name) => name !== null);
  }

  has(name: PartitionName): boolean {
    return this.#byName.has(name);
  }

  /** The name must be free. Names repeated within a side count once. */
  async add(
    name: PartitionName,
    nodes1: readonly string[],
    nodes2: readonly string[],
  ): Promise<void> {
    const sides = { side1: [...new Set(nodes1)], side2: [...new Set(nodes2)] };
    const inForce = await this.#target.createPartition({ name: name ?? 'None', ...sides });
    this.#byName.set(name, { name, ...sides, inForce });
  }

  /** The name must be there. */
  async remove(name: PartitionName, options: { readonly deliver: boolean }): Promise<void> {
    const named = this.#byName.get(name);
    this.#byName.delete(name);
    await named?.inForce.remove(options);
  }

  /** What show_partitions prints, line by line. */
  *lines(options: { readonly includeFailedNodes: boolean }): Iterable<string> {
    for (const { name, side1, side2 } of this.#byName.values()) {
      if (name === null) {
        const text = "'NoneType' object has no attribute 'startswith'";
        throw new PythonError('AttributeError', text);
      }
      if (name.startsWith(failurePrefix) && !options.includeFailedNodes) continue;
      yield `Partition '${name}'`;
      yield `  Nodes 1: ${side1.join(', ')}`;
      yield `  Nodes 2: ${side2.join(', ')}`;
    }
  }
}
