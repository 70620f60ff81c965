/**
 * What the page of a history does. It runs in a browser, so it is a text here; a test runs it in
 * a context of its own.
 */
import { pageChart } from './page-chart.js';

export const pageScript: string = `
'use strict';
const { keys } = JSON.parse(document.getElementById('histories').textContent);
const element = (id) => document.getElementById(id);
const [view, chart, detail] = [element('view'), element('chart'), element('detail')];
const gutter = 92, rowHeight = 30, barHeight = 20, axisHeight = 26, bandHeight = 18;
let now;        // what is shown of it: rows, order, and where everything lies on the axis
let isEven = false;
let from = 0, to = 1, scroll = 0, pointed = -1, kept = -1;

function prepare(key) {
  const scale = isEven ? evenScale(key) : realScale(key);
  const processes = [...new Set(key.operations.map(([process]) => process))];
  processes.sort((a, b) => a - b);
  const rows = new Map(processes.map((process, row) => [process, row]));
  const rowOf = key.operations.map(([process]) => rows.get(process));
  const byRow = processes.map(() => []);
  rowOf.forEach((row, at) => byRow[row].push(at));
  const begins = key.operations.map(([, invoked]) => scale.place(invoked));
  const dones = key.operations.map(([, , done]) => (done === null ? null : scale.place(done)));
  const ends = endsOf(begins, dones, byRow, scale.end);
  const points = pointsOf(key, begins, dones, scale.end);
  const places = new Map(key.linearization.map((operation, place) => [operation, place]));
  const bands = key.bands.map(([name, at, until]) => {
    return [name, scale.place(at), until === null ? scale.end : scale.place(until)];
  });
  const stuck = new Set(key.stuck);
  return {
    key, scale, end: scale.end, processes, rowOf, byRow, begins, ends, points, places, bands, stuck,
    values: valuesOf(key),
  };
}

// Time as it passed, in µs.
function realScale(key) {
  let last = 1;
  for (const [, invoked, done] of key.operations) last = Math.max(last, invoked, done ?? 0);
  for (const [, at, until] of key.bands) last = Math.max(last, at, until ?? 0);
  return { place: (time) => time, time: (place) => place, end: last * 1.02 };
}

// Every moment at which something begins or ends is as far from the next one as any other.
function evenScale(key) {
  const times = key.operations.flatMap(([, invoked, done]) => [invoked, done ?? invoked]);
  const moments = [...new Set(times)].sort((a, b) => a - b);
  const last = moments.length - 1;
  const place = (time) => {
    let [low, high] = [0, last];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (moments[middle] <= time) low = middle;
      else high = middle - 1;
    }
    if (time <= moments[0]) return time < moments[0] ? -0.5 : 0;
    if (low === last) return time > moments[last] ? last + 0.5 : last;
    return low + (time - moments[low]) / (moments[low + 1] - moments[low]);
  };
  const time = (at) => {
    const low = Math.min(Math.max(0, Math.floor(at)), last);
    const next = moments[Math.min(low + 1, last)];
    return moments[low] + Math.min(1, Math.max(0, at - low)) * (next - moments[low]);
  };
  return { place, time, end: last + 1 };
}

// Where bars end. What was never completed is open, but must not lie under what came after it.
function endsOf(begins, dones, byRow, end) {
  const ends = [...dones];
  for (const operations of byRow) {
    operations.forEach((at, place) => {
      const next = operations[place + 1];
      if (ends[at] === null) ends[at] = next === undefined ? end : begins[next];
    });
  }
  return ends;
}

// In the order of the linearization, each as early as it can be after the one before.
function pointsOf(key, begins, dones, end) {
  const points = new Map();
  let place = -Infinity;
  const order = key.linearization;
  const latest = new Array(order.length).fill(end);
  let limit = end;
  for (let at = order.length - 1; at >= 0; at--) {
    const done = dones[order[at]];
    if (done !== null && key.operations[order[at]][3] !== 'info') limit = Math.min(limit, done);
    latest[at] = limit;
  }
  const groups = [];
  order.forEach((operation, at) => {
    place = Math.max(place, begins[operation]);
    const group = groups[groups.length - 1];
    if (group && group.place === place) group.members.push(at);
    else groups.push({ place, members: [at] });
  });
  // Points of one moment are spread out, so that their order can be seen.
  groups.forEach(({ place: begin, members }, number) => {
    const next = groups[number + 1] ? groups[number + 1].place : end;
    let room = begin;
    members.forEach((at, step) => {
      const most = Math.min(next, latest[at]);
      const least = Math.max(room, begin);
      room = least + Math.max(0, most - least) / (members.length - step + 1);
      points.set(order[at], room);
    });
  });
  return points;
}

// The value of the key after each operation of the linearization.
function valuesOf({ operations, linearization }) {
  let value = 'absent';
  return linearization.map((operation) => {
    const before = value;
    value = operations[operation][7] ?? value;
    return [before, value];
  });
}

${pageChart}
function operationAt(x, y) {
  const row = Math.floor((y - axisHeight - bandHeight + scroll) / rowHeight);
  if (x < gutter || y < axisHeight || !now.byRow[row]) return -1;
  const slack = (3 * (to - from)) / widthOf();
  const place = placeAt(x);
  // Of two that touch, the one that was invoked last.
  let found = -1;
  for (const at of now.byRow[row]) {
    if (now.begins[at] - slack <= place && place <= now.ends[at] + slack) found = at;
  }
  return found;
}

// A time as it is told, to the nanosecond where that is known.
function exactly(time) {
  if (Math.abs(time) >= 1e6) return Number((time / 1e6).toFixed(6)) + ' s';
  if (Math.abs(time) >= 1e3) return Number((time / 1e3).toFixed(3)) + ' ms';
  return Number(time.toFixed(3)) + ' µs';
}

function linesOf(at) {
  const [process, invoked, done, outcome, , line, error] = now.key.operations[at];
  const took = done === null ? '' : exactly(done) + ' (' + exactly(done - invoked) + ')';
  const end = done === null ? ', never completed' : ' to ' + took;
  const lines = [['process ' + process + ', ' + exactly(invoked) + end + ', line ' + line]];
  if (outcome !== 'ok') lines.push([outcome + (error ? ': ' + error : '')]);
  const place = now.places.get(at);
  if (now.stuck.has(at)) lines.push([stuckText(), 'bad']);
  else if (place !== undefined) {
    const [before, after] = now.values[place];
    lines.push(['takes effect as number ' + (place + 1) + ' of ' + now.places.size]);
    lines.push(['the value ' + (before === after ? 'is ' + after : before + ' → ' + after)]);
  } else if (outcome === 'info') lines.push(['not needed to explain the rest']);
  const during = now.key.bands.filter(([, begun, until]) => {
    return begun <= (done ?? Infinity) && invoked <= (until ?? Infinity);
  });
  if (during.length > 0) lines.push(['during ' + during.map(([name]) => name).join('; ')]);
  return lines;
}

function stuckText() {
  if (now.key.verdict === 'unknown') return 'no place was found for it in time';
  const last = now.values[now.values.length - 1];
  return 'there is no place for it; in the order that the dots show the value is '
    + (last ? last[1] : 'absent');
}

function tell(title, lines, x, y) {
  detail.hidden = title === undefined;
  if (title === undefined) return;
  detail.textContent = '';
  const add = (tag, content, className) => {
    const part = document.createElement(tag);
    part.textContent = content;
    if (className) part.className = className;
    detail.append(part);
  };
  add('b', title);
  for (const [content, className] of lines) add('div', content, className);
  const [width, height] = [detail.offsetWidth, detail.offsetHeight];
  detail.style.left = Math.max(4, Math.min(x + 14, window.innerWidth - width - 8)) + 'px';
  detail.style.top = (y + height + 24 > window.innerHeight ? y - height - 12 : y + 16) + 'px';
}

// What lies under the pointer: an operation, else the faults of that moment.
function tellOf(at, event, x) {
  if (at >= 0) return tell(now.key.operations[at][4], linesOf(at), event.clientX, event.clientY);
  const place = placeAt(x);
  const found = now.key.bands.filter((_, band) => {
    return x >= gutter && now.bands[band][1] <= place && place <= now.bands[band][2];
  });
  const lines = found.slice(1).map(([name]) => [name]);
  const [first] = found;
  if (found.length === 1) {
    const [, begun, until] = first;
    lines.push([exactly(begun) + (until === null ? ' to the end' : ' to ' + exactly(until))]);
  }
  tell(first && first[0], lines, event.clientX, event.clientY);
}

function moveTo(begin, end) {
  const least = Math.max(now.end / 1e7, 1e-3);
  const span = Math.min(Math.max(end - begin, least), now.end * 1.1);
  from = Math.min(Math.max(begin, -0.05 * now.end), 1.05 * now.end - span);
  to = from + span;
  draw();
}

function scrollTo(y) {
  const most = axisHeight + bandHeight + now.processes.length * rowHeight + 8 - view.clientHeight;
  scroll = Math.max(0, Math.min(y, most));
}

function whole() {
  scrollTo(0);
  moveTo(-0.01 * now.end, now.end);
}

function wrong() {
  const at = now.key.stuck[0];
  if (at === undefined) return;
  const [begin, end] = [now.begins[at], now.ends[at]];
  // Some operations before it, whatever their pace.
  const before = now.begins[Math.max(0, at - 25)];
  const span = Math.max(end - before, (end - begin) * 3, 1e-3);
  scrollTo(now.rowOf[at] * rowHeight - view.clientHeight / 2);
  moveTo(end - span * 1.1, end + span * 0.25);
}

const counted = (count, what) =>
  count.toLocaleString('en') + ' ' + what + (count === 1 ? '' : 's');

function sentenceOf({ verdict, exhausted, operations, linearization, stuck }) {
  const count = counted(operations.length, 'operation');
  const explained = linearization.length.toLocaleString('en');
  if (verdict === 'linearizable') {
    return count + '. The dots show an order that explains all of them.';
  }
  const bad = stuck.length === 0 ? '' : operations[stuck[0]];
  if (verdict === 'illegal') {
    return count + '. ' + explained + ' can be explained, as the dots show, until “'
      + bad[4] + '” of process ' + bad[0] + ' returned (line ' + bad[5]
      + '): there is no place for it.';
  }
  return count + '. There was not enough ' + (exhausted ?? 'time') + ' to tell; '
    + explained + ' were placed.';
}

function show(number) {
  const key = keys[number];
  const nothing = { operations: [], linearization: [], stuck: [], bands: [] };
  now = prepare(key ?? { ...nothing, verdict: 'linearizable' });
  pointed = kept = -1;
  detail.hidden = true;
  const { verdict, stuck, operations } = now.key;
  element('title').textContent = key ? key.history : 'An empty history';
  element('verdict').textContent = verdict;
  element('verdict').className = verdict;
  element('sentence').textContent = sentenceOf(now.key);
  element('wrong').hidden = stuck.length === 0;
  const isOpen = verdict === 'unknown';
  element('wrong').textContent = isOpen ? 'What was not placed' : 'Where it goes wrong';
  element('stuck').textContent = isOpen ? 'not placed' : 'no place for it';
  whole();
  if (verdict === 'illegal' && operations.length > 60) wrong();
}

// What was in the middle stays there.
function respace() {
  const middle = now.scale.time((from + to) / 2);
  const share = (to - from) / now.end;
  isEven = !isEven;
  element('even').setAttribute('aria-pressed', String(isEven));
  now = prepare(now.key);
  if (share >= 1) return whole();
  const half = (share * now.end) / 2;
  moveTo(now.scale.place(middle) - half, now.scale.place(middle) + half);
}

const names = new Set(keys.map(({ history }) => history));
keys.forEach((key, number) => {
  const option = document.createElement('option');
  option.value = number;
  const name = JSON.stringify(key.key);
  const label = name.length > 60 ? name.slice(0, 59) + '…' : name;
  const file = names.size > 1 ? key.history + ': ' : '';
  option.textContent = file + label + (key.verdict === 'linearizable' ? '' : ' — ' + key.verdict);
  element('key').append(option);
});
const illegal = keys.filter(({ verdict }) => verdict === 'illegal').length;
element('keys').textContent = 'of ' + counted(keys.length, 'key')
  + (illegal === 0 ? '' : ', ' + illegal.toLocaleString('en') + ' illegal');
element('key').addEventListener('change', (event) => show(Number(event.target.value)));
element('whole').addEventListener('click', whole);
element('wrong').addEventListener('click', wrong);
element('even').addEventListener('click', respace);
const spot = (event) => {
  const box = view.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
view.addEventListener('wheel', (event) => {
  event.preventDefault();
  const [x] = spot(event);
  if (event.shiftKey) {
    scrollTo(scroll + (event.deltaY || event.deltaX));
    draw();
    return;
  }
  const factor = Math.exp(event.deltaY * 0.0015);
  const place = placeAt(Math.max(gutter, x));
  moveTo(place - (place - from) * factor, place + (to - place) * factor);
}, { passive: false });
let drag;
view.addEventListener('pointerdown', (event) => {
  const [x, y] = spot(event);
  drag = { x, y, from, to, scroll, isClick: true };
  view.setPointerCapture(event.pointerId);
});
view.addEventListener('pointermove', (event) => {
  const [x, y] = spot(event);
  if (drag) {
    if (Math.hypot(x - drag.x, y - drag.y) > 3) drag.isClick = false;
    view.classList.toggle('dragging', !drag.isClick);
    const by = ((x - drag.x) / widthOf()) * (drag.to - drag.from);
    scrollTo(drag.scroll - (y - drag.y));
    moveTo(drag.from - by, drag.to - by);
    return;
  }
  const at = operationAt(x, y);
  if (kept < 0) tellOf(at, event, x);
  if (at !== pointed) {
    pointed = at;
    draw();
  }
});
view.addEventListener('pointerup', (event) => {
  const [x, y] = spot(event);
  if (drag && drag.isClick) {
    kept = operationAt(x, y);
    tellOf(kept, event, x);
    draw();
  }
  drag = undefined;
  view.classList.remove('dragging');
});
view.addEventListener('pointerleave', () => {
  pointed = -1;
  if (kept < 0) detail.hidden = true;
  draw();
});
view.addEventListener('keydown', (event) => {
  const by = (to - from) / 8;
  const moves = { ArrowLeft: [-by, -by], ArrowRight: [by, by], '+': [by, -by], '-': [-by, by] };
  const steps = { ArrowUp: -rowHeight, ArrowDown: rowHeight };
  const move = moves[event.key];
  if (event.key in steps) scrollTo(scroll + steps[event.key]);
  else if (move === undefined) return;
  event.preventDefault();
  if (move) moveTo(from + move[0], to + move[1]);
  else draw();
});
new ResizeObserver(() => { scrollTo(scroll); draw(); }).observe(view);
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
show(0);
`;
