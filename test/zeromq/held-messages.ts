/**
 * What the broker of chistributed does with messages between nodes: one list, first in first out,
 * and named partitions that hold messages back until they are removed, each without regard to the
 * others.
 */

/** A message as the broker sees it: the source is whose connection it came by. */
export interface Custom {
  readonly source: string;
  readonly destination: string;
  readonly message: Readonly<Record<string, unknown>>;
}

interface Sides {
  readonly side1: readonly string[];
  readonly side2: readonly string[];
}

export class HeldMessages {
  readonly #publish: (custom: Custom) => void;
  readonly #partitions = new Map<string, Sides>();
  #held: Custom[] = [];

  constructor(publish: (custom: Custom) => void) {
    this.#publish = publish;
  }

  /** Held back at the moment, oldest first. */
  get held(): readonly Custom[] {
    return this.#held;
  }

  /** Takes a message, and looks at all that are held. */
  push(custom: Custom): void {
    this.#held.push(custom);
    this.#release((one) => ![...this.#partitions.values()].some((sides) => parts(sides, one)));
  }

  cut(name: string, side1: readonly string[], side2: readonly string[]): void {
    this.#partitions.set(name, { side1, side2 });
  }

  heal(name: string, { deliver }: { readonly deliver: boolean }): void {
    const sides = this.#partitions.get(name);
    if (sides === undefined) throw new Error(`no partition ${name}`);
    this.#partitions.delete(name);
    this.#release((one) => parts(sides, one), deliver);
  }

  #release(isFree: (custom: Custom) => boolean, deliver = true): void {
    const free = this.#held.filter(isFree);
    this.#held = this.#held.filter((custom) => !free.includes(custom));
    if (deliver) for (const custom of free) this.#publish(custom);
  }
}

function parts({ side1, side2 }: Sides, { source, destination }: Custom): boolean {
  return (
    (side1.includes(source) && side2.includes(destination)) ||
    (side2.includes(source) && side1.includes(destination))
  );
}
