import { createContext, runInContext } from 'node:vm';
import test from 'ava';
import { historyPage } from '../../src/chaos/history-page.js';
import { Recorder } from './recorder.js';

const nasty = '</script><img src=x onerror=alert(1)>&"\u2028';

/** As much of a browser as the page needs. */
function browser(html: string): {
  readonly run: () => void;
  readonly text: (id: string) => string;
} {
  const [, histories = ''] =
    /<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(html) ?? [];
  const [, script = ''] = /<script>(.*?)<\/script>/s.exec(html) ?? [];
  const elements = new Map<string, Record<string, unknown>>();
  const pen = new Proxy(
    { measureText: (text: string) => ({ width: 6 * text.length }) } as Record<string, unknown>,
    { get: (target, name: string) => target[name] ?? (() => {}) },
  );
  const create = (): Record<string, unknown> => ({
    textContent: '',
    style: {},
    clientWidth: 800,
    clientHeight: 300,
    classList: { toggle: () => {}, remove: () => {} },
    append: () => {},
    addEventListener: () => {},
    getContext: () => pen,
    getBoundingClientRect: () => ({ left: 0, top: 0 }),
  });
  const element = (id: string): Record<string, unknown> => {
    const known = elements.get(id) ?? create();
    elements.set(id, known);
    return known;
  };
  element('histories')['textContent'] = histories;
  const context = createContext({
    document: {
      getElementById: element,
      createElement: create,
      documentElement: {},
      body: {},
    },
    window: { devicePixelRatio: 2, matchMedia: () => ({ addEventListener: () => {} }) },
    getComputedStyle: () => ({ fontFamily: 'sans', getPropertyValue: () => '#000' }),
    ResizeObserver: class {
      observe(): void {}
    },
  });
  return {
    run: () => runInContext(script, context),
    text: (id) => String(element(id)['textContent']),
  };
}

test('the page is one file that asks nothing of any network', async (t) => {
  const result = await new Recorder().set([0, 1], 1).check();
  const html = historyPage([{ name: 'a history', result }]);

  t.notRegex(html, /https?:|\bsrc=|\bhref=|@import|url\(/);
  t.regex(html, /^<!doctype html>/);
});

test('what a history holds stays text on the page', async (t) => {
  const recorder = new Recorder(nasty).set([0, 1], nasty).get([2, 3], nasty);
  const html = historyPage([{ name: nasty, result: await recorder.check() }]);

  t.false(html.includes('<img'));
  const page = browser(html);
  page.run();
  t.is(page.text('title'), nasty);
  t.is(page.text('verdict'), 'linearizable');
});

test('the page says where a history goes wrong, and draws it with its faults', async (t) => {
  const recorder = new Recorder().set([0, 1_000], 1).cas([500, 2_000], 1, 2).get([3_000, 4_000], 1);
  const result = await recorder.check();
  const bands = [
    { name: 'partition', at: 0, until: 500 },
    { name: 'crash', at: 2_500 },
  ];
  const page = browser(historyPage([{ name: 'h', result, bands }]));

  page.run();

  t.is(page.text('verdict'), 'illegal');
  t.regex(
    page.text('sentence'),
    /^3 operations. 2 can be explained.* until “get = 1” of process 2/,
  );
});

test('an empty history has a page, too', async (t) => {
  const page = browser(historyPage([{ name: 'h', result: await new Recorder().check() }]));

  page.run();

  t.is(page.text('title'), 'An empty history');
});
