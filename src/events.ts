/**
 * Typed events: a union tagged by `kind`, listeners that are `Disposable`, waits with a signal.
 *
 * Not `node:events`, for three reasons: there a listener that throws keeps the ones after it from
 * hearing, `error` is a kind with a meaning of its own, and a wait has no filter.
 */

/** What every event has. The rest of it is readonly plain data that survives a structured clone. */
export interface TaggedEvent {
  /** Kebab case and past tense: `leader-elected`. */
  readonly kind: string;
}

/** The members of the union `E` whose kind is `K`. */
export type EventOf<E extends TaggedEvent, K extends E['kind']> = Extract<E, { readonly kind: K }>;

/** Hears an event. It runs inside `emit`, so what it does delays the one who emits. */
export type Listener<E> = (event: E) => void;

/** How to wait for an event. */
export interface OnceOptions<E> {
  /** Ends the wait: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Events for which it is false are passed over. Default: the first event of the kind. */
  readonly when?: (event: E) => boolean;
}

/** The half that users see: they listen, only the owner emits. */
export interface EventSource<E extends TaggedEvent> {
  /** Calls `listener` at every event of `kind` until the result is disposed, in order of `on`. */
  on<K extends E['kind']>(kind: K, listener: Listener<EventOf<E, K>>): Disposable;

  /** Calls `listener` at every event, after those that asked for its kind. */
  onAny(listener: Listener<E>): Disposable;

  /**
   * Resolves to the next event of `kind`.
   *
   * Rejects with the reason of `signal` when aborted, with the reason of `close` when the source
   * ends first, and with what `when` throws. Leaves no listener behind, however it ends.
   */
  once<K extends E['kind']>(kind: K, options?: OnceOptions<EventOf<E, K>>): Promise<EventOf<E, K>>;
}

/** The key of the listeners that hear every kind; no event can have it. */
const anyKind = Symbol('any kind');

/** One registration. */
interface Hearer<E> {
  hear(event: E): void;
  /** Told when the source ends; only a wait minds. */
  end?(reason: unknown): void;
}

/**
 * The owner's half.
 *
 * A listener that throws stops neither the others nor the emitter: its error is thrown again from a
 * microtask, where it is an uncaught exception, as for an `EventTarget` of Node.js.
 */
export class EventHub<E extends TaggedEvent> implements EventSource<E> {
  readonly #hearers: Map<string | symbol, Set<Hearer<E>>> = new Map();
  #closed: { readonly reason: unknown } | undefined;

  /** The number of listeners and waits, for leak checks. */
  get listenerCount(): number {
    let count = 0;
    for (const hearers of this.#hearers.values()) count += hearers.size;
    return count;
  }

  on<K extends E['kind']>(kind: K, listener: Listener<EventOf<E, K>>): Disposable {
    return this.#add(kind, { hear: (event) => listener(event as EventOf<E, K>) });
  }

  onAny(listener: Listener<E>): Disposable {
    return this.#add(anyKind, { hear: (event) => listener(event) });
  }

  once<K extends E['kind']>(
    kind: K,
    options: OnceOptions<EventOf<E, K>> = {},
  ): Promise<EventOf<E, K>> {
    const { signal, when } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(this.#closed.reason);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        registration[Symbol.dispose]();
        signal?.removeEventListener('abort', abort);
      };
      const end = (reason: unknown): void => {
        stop();
        reject(reason);
      };
      const abort = (): void => end(signal?.reason);
      const hear = (event: E): void => {
        const found = event as EventOf<E, K>;
        try {
          if (when !== undefined && !when(found)) return;
        } catch (error) {
          end(error);
          return;
        }
        stop();
        resolve(found);
      };
      const registration = this.#add(kind, { hear, end });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Tells the listeners of `event.kind`, then those of every kind. After `close`: nobody. */
  emit(event: E): void {
    this.#tell(this.#hearers.get(event.kind), event);
    this.#tell(this.#hearers.get(anyKind), event);
  }

  /** Ends the source: forgets the listeners, rejects the waits with `reason`. May be repeated. */
  close(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = { reason };
    for (const hearers of this.#hearers.values()) {
      for (const hearer of hearers) hearer.end?.(reason);
    }
    this.#hearers.clear();
  }

  #add(key: string | symbol, hearer: Hearer<E>): Disposable {
    if (this.#closed) return { [Symbol.dispose]: () => {} };
    const hearers = this.#hearers.get(key) ?? new Set();
    this.#hearers.set(key, hearers.add(hearer));
    return {
      [Symbol.dispose]: () => {
        hearers.delete(hearer);
      },
    };
  }

  #tell(hearers: ReadonlySet<Hearer<E>> | undefined, event: E): void {
    if (hearers === undefined || hearers.size === 0) return;
    // A copy: a listener may add or dispose of others, and they start or stop with the next event.
    for (const hearer of [...hearers]) {
      try {
        if (hearers.has(hearer)) hearer.hear(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
