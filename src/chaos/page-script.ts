/**
 * What the page of a history does. It runs in a browser, so it is a text here; a test runs it in
 * a context of its own.
 *
 * A canvas and not elements: ten thousand bars have to be drawn anew at every turn of the wheel.
 */
export const pageScript: string = `
'use strict';
const { keys } = JSON.parse(document.getElementById('histories').textContent);
const element = (id) => document.getElementById(id);
const [view, chart, detail] = [element('view'), element('chart'), element('detail')];
const gutter = 92, rowHeight = 30, barHeight = 20, axisHeight = 26, bandHeight = 18;
let now;        // what is shown: the key, with rows and order
let from = 0, to = 1, scroll = 0, pointed = -1, kept = -1;

function prepare(key) {
  const processes = [...new Set(key.operations.map(([process]) => process))];
  processes.sort((a, b) => a - b);
  const rows = new Map(processes.map((process, row) => [process, row]));
  let last = 1;
  for (const [, invoked, completed] of key.operations) {
    last = Math.max(last, invoked, completed ?? 0);
  }
  for (const [, at, until] of key.bands) last = Math.max(last, at, until ?? 0);
  const end = last * 1.02;
  const places = new Map(key.linearization.map((operation, place) => [operation, place]));
  const byRow = processes.map(() => []);
  key.operations.forEach((operation, at) => byRow[rows.get(operation[0])].push(at));
  const ends = endsOf(key, byRow, end);
  const [points, stuck] = [pointsOf(key, end), new Set(key.stuck)];
  return { key, processes, byRow, end, ends, places, points, stuck };
}

// Where bars end. What was never completed is open, but must not lie under what came after it.
function endsOf(key, byRow, end) {
  const ends = key.operations.map(([, , completed]) => completed);
  for (const operations of byRow) {
    operations.forEach((at, place) => {
      const next = key.operations[operations[place + 1]];
      if (ends[at] === null) ends[at] = next ? next[1] : end;
    });
  }
  return ends;
}

// In the order of the linearization, each as early as it can be after the one before.
function pointsOf(key, end) {
  const points = new Map();
  let time = -Infinity;
  const order = key.linearization;
  const latest = new Array(order.length).fill(end);
  let limit = end;
  for (let place = order.length - 1; place >= 0; place--) {
    const [, , completed, outcome] = key.operations[order[place]];
    if (completed !== null && outcome !== 'info') limit = Math.min(limit, completed);
    latest[place] = limit;
  }
  const groups = [];
  order.forEach((operation, place) => {
    time = Math.max(time, key.operations[operation][1]);
    points.set(operation, time);
    const group = groups[groups.length - 1];
    if (group && group.time === time) group.places.push(place);
    else groups.push({ time, places: [place] });
  });
  // Points of one moment are spread out, so that their order can be seen.
  groups.forEach(({ time: begin, places }, at) => {
    const next = groups[at + 1] ? groups[at + 1].time : end;
    let room = begin;
    places.forEach((place, step) => {
      const most = Math.min(next, latest[place]);
      const least = Math.max(room, begin);
      room = least + Math.max(0, most - least) / (places.length - step + 1);
      points.set(order[place], room);
    });
  });
  return points;
}

const widthOf = () => view.clientWidth - gutter - 12;
const xOf = (time) => gutter + ((time - from) / (to - from)) * widthOf();
const timeAt = (x) => from + ((x - gutter) / widthOf()) * (to - from);
const topOf = (row) => axisHeight + bandHeight + row * rowHeight - scroll;
const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

function text(time) {
  if (Math.abs(time) >= 1e6) return (time / 1e6).toFixed(to - from < 2e4 ? 6 : 3) + ' s';
  if (Math.abs(time) >= 1e3) return (time / 1e3).toFixed(to - from < 20 ? 6 : 3) + ' ms';
  return Number(time.toFixed(3)) + ' µs';
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [view.clientWidth, view.clientHeight];
  chart.width = Math.round(width * ratio);
  chart.height = Math.round(height * ratio);
  const pen = chart.getContext('2d');
  pen.scale(ratio, ratio);
  pen.textBaseline = 'middle';
  const face = getComputedStyle(document.body).fontFamily;
  const shades = {};
  for (const name of ['paper', 'ink', 'faint', 'line', 'stripe', 'ok', 'fail', 'info', 'bad', 'dot',
    'band', 'ok-ink', 'fail-ink', 'info-ink', 'bad-ink', 'band-ink']) shades[name] = color(name);
  drawRows(pen, shades, width, height);
  pen.save();
  pen.beginPath();
  pen.rect(gutter, 0, width - gutter, height);
  pen.clip();
  drawBands(pen, shades, height, face);
  drawBars(pen, shades, height, face);
  drawPoints(pen, shades, height);
  pen.restore();
  drawAxis(pen, shades, width, face);
  drawNames(pen, shades, height, face);
}

function drawRows(pen, shades, width, height) {
  pen.fillStyle = shades.paper;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = shades.stripe;
  now.processes.forEach((_, row) => {
    if (row % 2 === 0) pen.fillRect(0, topOf(row), width, rowHeight);
  });
}

function drawBands(pen, shades, height, face) {
  pen.font = '11px ' + face;
  let free = -Infinity;
  for (const [name, at, until] of now.key.bands) {
    const [left, right] = [xOf(at), xOf(until ?? now.end)];
    if (right < gutter || left > view.clientWidth) continue;
    pen.fillStyle = shades.band;
    pen.fillRect(left, axisHeight, Math.max(1, right - left), height);
    const begin = Math.max(left, gutter) + 4;
    const room = right - begin;
    if (room < 30 || begin < free) continue;
    pen.fillStyle = shades['band-ink'];
    fit(pen, name, begin, axisHeight + 9, room);
    free = begin + Math.min(room, pen.measureText(name).width) + 8;
  }
}

function drawBars(pen, shades, height, face) {
  pen.font = '12px ' + face;
  now.byRow.forEach((operations, row) => {
    const top = topOf(row) + (rowHeight - barHeight) / 2;
    if (top + barHeight < axisHeight || top > height) return;
    // Bars thinner than a pixel that lie in one column are drawn once.
    let drawn = -1;
    for (const at of operations) {
      const operation = now.key.operations[at];
      const [left, right] = [xOf(operation[1]), xOf(now.ends[at])];
      if (right < gutter || left > view.clientWidth) continue;
      const isBad = now.stuck.has(at);
      if (!isBad && right - left < 1 && Math.floor(left) === drawn) continue;
      drawn = Math.floor(left);
      drawBar(pen, shades, { at, operation, left, right, top, isBad });
    }
  });
}

function drawBar(pen, shades, { at, operation, left, right, top, isBad }) {
  const kind = isBad ? 'bad' : operation[3];
  const width = Math.max(isBad ? 4 : 1.5, right - left - 1);
  pen.globalAlpha = kind === 'info' && !now.places.has(at) ? 0.55 : 1;
  pen.fillStyle = shades[kind];
  pen.beginPath();
  if (width > 6) pen.roundRect(left, top, width, barHeight, 4);
  else pen.rect(left, top, width, barHeight);
  pen.fill();
  pen.globalAlpha = 1;
  if (at === pointed || at === kept) {
    pen.strokeStyle = shades.ink;
    pen.lineWidth = 1.5;
    pen.stroke();
  }
  const begin = Math.max(left, gutter) + 6;
  const room = Math.min(right, view.clientWidth) - begin - 6;
  if (room < 14) return;
  pen.fillStyle = shades[kind + '-ink'];
  fit(pen, operation[4], begin, top + barHeight / 2 + 0.5, room);
}

function drawPoints(pen, shades, height) {
  const pixels = widthOf() * (now.end / (to - from));
  const isDense = pixels < 3 * now.points.size;
  for (const [operation, time] of now.points) {
    if (time < from || time > to) continue;
    const row = now.processes.indexOf(now.key.operations[operation][0]);
    const y = topOf(row) + rowHeight - 5;
    if (y < axisHeight || y > height) continue;
    pen.fillStyle = shades.dot;
    pen.beginPath();
    pen.arc(xOf(time), y, isDense ? 1.2 : 3, 0, 7);
    pen.fill();
  }
}

function drawAxis(pen, shades, width, face) {
  pen.fillStyle = shades.paper;
  pen.fillRect(0, 0, width, axisHeight);
  pen.strokeStyle = shades.line;
  pen.lineWidth = 1;
  pen.font = '11px ' + face;
  pen.fillStyle = shades.faint;
  const rough = (to - from) / Math.max(2, widthOf() / 140);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough);
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    const x = Math.round(xOf(time)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, axisHeight - 6);
    pen.lineTo(x, axisHeight);
    pen.stroke();
    pen.fillText(text(time), x + 4, axisHeight / 2);
  }
  pen.beginPath();
  pen.moveTo(0, axisHeight + 0.5);
  pen.lineTo(width, axisHeight + 0.5);
  pen.stroke();
}

function drawNames(pen, shades, height, face) {
  pen.font = '12px ' + face;
  pen.fillStyle = shades.faint;
  now.processes.forEach((process, row) => {
    const y = topOf(row) + rowHeight / 2;
    if (y > axisHeight + 6 && y < height) pen.fillText('process ' + process, 12, y);
  });
}

function fit(pen, label, x, y, room) {
  let shown = label;
  if (pen.measureText(shown).width > room) {
    const part = Math.floor((shown.length * room) / pen.measureText(shown).width) - 1;
    shown = part < 1 ? '' : shown.slice(0, part) + '…';
  }
  pen.fillText(shown, x, y);
}

function operationAt(x, y) {
  const row = Math.floor((y - axisHeight - bandHeight + scroll) / rowHeight);
  if (x < gutter || y < axisHeight || !now.byRow[row]) return -1;
  const slack = (3 * (to - from)) / widthOf();
  const time = timeAt(x);
  // Of two that touch, the one that was invoked last.
  let found = -1;
  for (const at of now.byRow[row]) {
    const operation = now.key.operations[at];
    if (operation[1] - slack <= time && time <= now.ends[at] + slack) found = at;
  }
  return found;
}

function tell(at, x, y) {
  detail.hidden = at < 0;
  if (at < 0) return;
  const [process, invoked, completed, outcome, label, line, error] = now.key.operations[at];
  detail.textContent = '';
  const add = (tag, content, className) => {
    const part = document.createElement(tag);
    part.textContent = content;
    if (className) part.className = className;
    detail.append(part);
  };
  add('b', label);
  const took = completed === null ? '' : text(completed) + ' (' + text(completed - invoked) + ')';
  const end = completed === null ? ', never completed' : ' to ' + took;
  add('div', 'process ' + process + ', ' + text(invoked) + end + ', line ' + line);
  if (outcome !== 'ok') add('div', outcome + (error ? ': ' + error : ''));
  const place = now.places.get(at);
  if (now.stuck.has(at)) add('div', 'there is no place for it', 'bad');
  else if (place !== undefined) {
    add('div', 'takes effect as number ' + (place + 1) + ' of ' + now.places.size);
  } else if (outcome === 'info') add('div', 'not needed to explain the rest');
  const [width, height] = [detail.offsetWidth, detail.offsetHeight];
  detail.style.left = Math.max(4, Math.min(x + 14, window.innerWidth - width - 8)) + 'px';
  detail.style.top = (y + height + 24 > window.innerHeight ? y - height - 12 : y + 16) + 'px';
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
  const operation = now.key.operations[at];
  const [begin, end] = [operation[1], operation[2] ?? operation[1]];
  // Some operations before it, whatever their pace.
  const around = now.key.operations.map(([, invoked]) => invoked);
  const before = around[Math.max(0, at - 25)];
  const span = Math.max(end - before, (end - begin) * 3, 1e-3);
  scrollTo(now.processes.indexOf(operation[0]) * rowHeight - view.clientHeight / 2);
  moveTo(end - span * 1.1, end + span * 0.25);
}

function sentenceOf({ verdict, exhausted, operations, linearization, stuck }) {
  const count = operations.length + (operations.length === 1 ? ' operation' : ' operations');
  if (verdict === 'linearizable') {
    return count + '. The dots show an order that explains all of them.';
  }
  const bad = stuck.length === 0 ? '' : operations[stuck[0]];
  if (verdict === 'illegal') {
    return count + '. ' + linearization.length + ' can be explained, as the dots show, until “'
      + bad[4] + '” of process ' + bad[0] + ' returned (line ' + bad[5]
      + '): there is no place for it.';
  }
  return count + '. There was not enough ' + (exhausted ?? 'time') + ' to tell; '
    + linearization.length + ' were placed.';
}

function show(number) {
  const key = keys[number];
  const nothing = { operations: [], linearization: [], stuck: [], bands: [] };
  now = prepare(key ?? { ...nothing, verdict: 'linearizable' });
  pointed = kept = -1;
  detail.hidden = true;
  element('title').textContent = key ? key.history : 'An empty history';
  element('verdict').textContent = now.key.verdict;
  element('verdict').className = now.key.verdict;
  element('sentence').textContent = sentenceOf(now.key);
  element('wrong').hidden = now.key.stuck.length === 0;
  whole();
  if (now.key.verdict === 'illegal' && now.key.operations.length > 60) wrong();
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
element('key').addEventListener('change', (event) => show(Number(event.target.value)));
element('whole').addEventListener('click', whole);
element('wrong').addEventListener('click', wrong);
const spot = (event) => {
  const box = view.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
view.addEventListener('wheel', (event) => {
  event.preventDefault();
  const [x] = spot(event);
  if (event.shiftKey) {
    scrollTo(scroll + event.deltaY);
    draw();
    return;
  }
  const factor = Math.exp(event.deltaY * 0.0015);
  const time = timeAt(Math.max(gutter, x));
  moveTo(time - (time - from) * factor, time + (to - time) * factor);
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
  if (kept < 0) tell(at, event.clientX, event.clientY);
  if (at !== pointed) {
    pointed = at;
    draw();
  }
});
view.addEventListener('pointerup', (event) => {
  const [x, y] = spot(event);
  if (drag && drag.isClick) {
    kept = operationAt(x, y);
    tell(kept, event.clientX, event.clientY);
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
  const move = moves[event.key];
  if (move) moveTo(from + move[0], to + move[1]);
});
new ResizeObserver(() => { scrollTo(scroll); draw(); }).observe(view);
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
show(0);
`;
