/** As much of a browser as the page of a history needs. */
import { createContext, runInContext } from 'node:vm';

/** Notes where dots are, and draws nothing; text is six pixels wide a letter. */
function createPen(dots: { x: number; y: number }[]): unknown {
  const known: Record<string, unknown> = {
    measureText: (text: string) => ({ width: 6 * text.length }),
    arc: (x: number, y: number) => dots.push({ x, y }),
    // Every picture begins with it.
    scale: () => dots.splice(0),
  };
  return new Proxy(known, { get: (target, name: string) => target[name] ?? (() => {}) });
}

type Listener = (event: object) => void;

class FakeElement {
  readonly style = {};
  readonly clientWidth = 800;
  readonly clientHeight = 300;
  readonly classList = { toggle: () => {}, remove: () => {} };
  readonly listeners = new Map<string, Listener>();
  readonly dots: { x: number; y: number }[] = [];
  readonly #pen = createPen(this.dots);
  parts: FakeElement[] = [];
  #text = '';

  get textContent(): string {
    return this.#text;
  }

  set textContent(text: unknown) {
    this.#text = String(text);
    this.parts = [];
  }

  append(part: FakeElement): void {
    this.parts.push(part);
  }

  addEventListener(name: string, listener: Listener): void {
    this.listeners.set(name, listener);
  }

  setAttribute(): void {}

  getContext(): unknown {
    return this.#pen;
  }

  getBoundingClientRect(): object {
    return { left: 0, top: 0 };
  }
}

/** Opens a page and runs its script. */
export class FakeBrowser {
  readonly #elements = new Map<string, FakeElement>();

  constructor(html: string) {
    const json = /<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(html)?.[1] ?? '';
    const script = /<script>(.*?)<\/script>/s.exec(html)?.[1] ?? '';
    this.#element('histories').textContent = json;
    const document = {
      getElementById: (id: string) => this.#element(id),
      createElement: () => new FakeElement(),
      documentElement: {},
      body: {},
    };
    const matchMedia = (): object => ({ addEventListener: () => {} });
    const context = createContext({
      document,
      window: { innerWidth: 800, innerHeight: 600, devicePixelRatio: 2, matchMedia },
      getComputedStyle: () => ({ fontFamily: 'sans', getPropertyValue: () => '#000' }),
      ResizeObserver: class {
        observe(): void {}
      },
    });
    runInContext(script, context);
  }

  text(id: string): string {
    return this.#element(id).textContent;
  }

  /** What was appended to an element since its text was set. */
  lines(id: string): string[] {
    return this.#element(id).parts.map((part) => part.textContent);
  }

  /** The dots of the picture, from the left. */
  get dots(): readonly { readonly x: number; readonly y: number }[] {
    return this.#element('chart').dots.toSorted((a, b) => a.x - b.x);
  }

  fire(id: string, name: string, event: object = {}): void {
    this.#element(id).listeners.get(name)?.(event);
  }

  #element(id: string): FakeElement {
    const known = this.#elements.get(id) ?? new FakeElement();
    this.#elements.set(id, known);
    return known;
  }
}
