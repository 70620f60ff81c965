/**
 * A binary heap of what has a time: the earliest first, among equals the one that came first.
 */

/** What the heap sorts by. */
export interface Due {
  readonly dueMs: number;
  /** Breaks ties; different for all. */
  readonly sequence: number;
}

/** The heap. Whoever changes `dueMs` of an element calls `restore`. */
export class DueHeap<T extends Due> {
  #elements: T[] = [];

  get size(): number {
    return this.#elements.length;
  }

  /** The elements in no order that means anything. */
  get elements(): readonly T[] {
    return this.#elements;
  }

  get first(): T | undefined {
    return this.#elements[0];
  }

  push(element: T): void {
    const elements = this.#elements;
    let place = elements.length;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = elements[parent] as T;
      if (byDue(above, element) <= 0) break;
      elements[place] = above;
      place = parent;
    }
    elements[place] = element;
  }

  /** Takes out the first element. */
  pop(): T | undefined {
    const first = this.#elements[0];
    const last = this.#elements.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  /** Keeps the elements that are asked for and returns the others. */
  split(isKept: (element: T) => boolean): T[] {
    const kept: T[] = [];
    const taken: T[] = [];
    for (const element of this.#elements) (isKept(element) ? kept : taken).push(element);
    if (taken.length > 0) {
      this.#elements = kept;
      this.restore();
    }
    return taken;
  }

  /** Repairs the order after times have changed. */
  restore(): void {
    this.#elements.sort(byDue);
  }

  /** Puts `element` where the top is missing. */
  #sink(element: T): void {
    const elements = this.#elements;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= elements.length) break;
      const right = elements[child + 1];
      if (right !== undefined && byDue(right, elements[child] as T) < 0) child += 1;
      const below = elements[child] as T;
      if (byDue(element, below) <= 0) break;
      elements[place] = below;
      place = child;
    }
    elements[place] = element;
  }
}

function byDue(some: Due, other: Due): number {
  return some.dueMs - other.dueMs || some.sequence - other.sequence;
}
