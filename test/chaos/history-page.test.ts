import test from 'ava';
import { historyPage } from '../../src/chaos/history-page.js';
import { FakeBrowser } from './fake-browser.js';
import { Recorder } from './recorder.js';

const nasty = '</script><img src=x onerror=alert(1)>&"\u2028';

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
  const page = new FakeBrowser(html);
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
  const page = new FakeBrowser(historyPage([{ name: 'h', result, bands }]));

  t.is(page.text('verdict'), 'illegal');
  t.regex(
    page.text('sentence'),
    /^3 operations. 2 can be explained.* until “get = 1” of process 2/,
  );
});

test('what is under the pointer is told: operation, value and faults, by time and evenly', async (t) => {
  const recorder = new Recorder().set([0, 1_000], 1).cas([500, 2_000], 1, 2).get([3_000, 4_000], 1);
  const bands = [{ name: 'crash', at: 2_500, until: 4_000 }];
  const page = new FakeBrowser(historyPage([{ name: 'h', result: await recorder.check(), bands }]));
  const under = (clientX: number, clientY: number): readonly string[] => {
    page.fire('view', 'pointermove', { clientX, clientY });
    return page.lines('detail');
  };

  t.deepEqual(under(690, 119), [
    'get = 1',
    'process 2, 3 µs to 4 µs (1 µs), line 5',
    'there is no place for it; in the order that the dots show the value is 2',
    'during crash',
  ]);
  t.deepEqual(under(300, 89).slice(2), ['takes effect as number 2 of 2', 'the value 1 → 2']);
  t.deepEqual(under(620, 59), ['crash', '2.5 µs to 4 µs']);

  // Six moments: the get lies from the fifth to the last.
  page.fire('even', 'click');
  t.is(under(620, 119)[0], 'get = 1');
  t.is(under(92 + (1.5 / 6) * 696, 89)[0], 'cas 1 → 2');
});

test('dots stand in the order that was found, also of operations that began at one time', async (t) => {
  const recorder = new Recorder().get([0, 1_000], 2).set([0, 1_000], 1).cas([0, 1_000], 1, 2);
  const page = new FakeBrowser(historyPage([{ name: 'h', result: await recorder.check() }]));

  const [one, two, three] = page.dots;

  t.is(page.dots.length, 3);
  t.deepEqual([one?.y, two?.y, three?.y], [99, 129, 69]);
  t.true(Number(one?.x) > 92 && Number(two?.x) > Number(one?.x) + 50);
  t.true(Number(three?.x) > Number(two?.x) + 50);
  page.fire('view', 'pointermove', { clientX: 400, clientY: 59 });
  t.deepEqual(page.lines('detail').slice(2), ['takes effect as number 3 of 3', 'the value is 2']);
});

test('a key that was not decided blames nobody', async (t) => {
  const result = await new Recorder().set([0, 1], 1).get([2, 3], 2).check();
  const keys = result.keys.map((key) => ({ ...key, verdict: 'unknown' as const }));
  const page = new FakeBrowser(historyPage([{ name: 'h', result: { verdict: 'unknown', keys } }]));

  t.is(page.text('wrong'), 'What was not placed');
  t.is(page.text('stuck'), 'not placed');
  t.is(page.text('keys'), 'of 1 key');
});

test('an empty history has a page, too', async (t) => {
  const page = new FakeBrowser(historyPage([{ name: 'h', result: await new Recorder().check() }]));

  t.is(page.text('title'), 'An empty history');
});
