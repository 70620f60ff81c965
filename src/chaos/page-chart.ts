/**
 * How the page of a history draws: the part of its script (`page-script.ts`) that turns what was
 * made ready there into a picture.
 *
 * A canvas and not elements: ten thousand bars have to be drawn anew at every turn of the wheel.
 */
export const pageChart: string = `
// To ask the page for its size takes longer than to draw a bar, so it is asked once for a picture.
let across = 1;
const widthOf = () => view.clientWidth - gutter - 12;
const xOf = (place) => gutter + ((place - from) / (to - from)) * across;
const placeAt = (x) => from + ((x - gutter) / widthOf()) * (to - from);
const topOf = (row) => axisHeight + bandHeight + row * rowHeight - scroll;
const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [view.clientWidth, view.clientHeight];
  across = widthOf();
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
  for (const [name, at, until] of now.bands) {
    const [left, right] = [xOf(at), xOf(until)];
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
      const [left, right] = [xOf(now.begins[at]), xOf(now.ends[at])];
      if (right < gutter || left > gutter + across + 12) continue;
      const isBad = now.stuck.has(at);
      if (!isBad && right - left < 1 && Math.floor(left) === drawn) continue;
      drawn = Math.floor(left);
      drawBar(pen, shades, { at, operation: now.key.operations[at], left, right, top, isBad });
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
  // As with bars: in a column of a row one is enough.
  const drawn = new Array(now.processes.length).fill(-1);
  pen.fillStyle = shades.dot;
  for (const [operation, place] of now.points) {
    if (place < from || place > to) continue;
    const row = now.rowOf[operation];
    const [x, y] = [xOf(place), topOf(row) + rowHeight - 5];
    if (y < axisHeight || y > height || (isDense && Math.floor(x) === drawn[row])) continue;
    drawn[row] = Math.floor(x);
    pen.beginPath();
    pen.arc(x, y, isDense ? 1.2 : 3, 0, 7);
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
  for (let place = Math.ceil(from / step) * step; place <= to; place += step) {
    const x = Math.round(xOf(place)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, axisHeight - 6);
    pen.lineTo(x, axisHeight);
    pen.stroke();
    const label = tickText(now.scale, place, step);
    if (x + 4 + pen.measureText(label).width < width) pen.fillText(label, x + 4, axisHeight / 2);
  }
  pen.beginPath();
  pen.moveTo(0, axisHeight + 0.5);
  pen.lineTo(width, axisHeight + 0.5);
  pen.stroke();
}

// All ticks have one unit, and as many digits as tell one from the next.
function tickText({ time }, place, step) {
  const largest = Math.max(Math.abs(time(from)), Math.abs(time(to)));
  const [unit, name] = largest >= 1e6 ? [1e6, ' s'] : largest >= 1e3 ? [1e3, ' ms'] : [1, ' µs'];
  const apart = ((time(to) - time(from)) * step) / (to - from) || 1;
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(apart / unit) - 1e-9)));
  const shown = (time(place) / unit).toFixed(digits);
  return (Number(shown) === 0 ? '0' : shown) + name;
}

function drawNames(pen, shades, height, face) {
  pen.font = '12px ' + face;
  pen.fillStyle = shades.faint;
  now.processes.forEach((process, row) => {
    const y = topOf(row) + rowHeight / 2;
    if (y > axisHeight + 6 && y < height) fit(pen, 'process ' + process, 12, y, gutter - 16);
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
`;
