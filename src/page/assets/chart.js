// Orders per minute: a bar per minute for the created, a line for the paid, a thin one for what would be usual. Drawn anew
// with each snapshot.

import { element, korean, show, svg } from './elements.js';
import { count, day, minute } from './format.js';
import { USUAL } from './words.js';

const PAD = { top: 12, right: 8, bottom: 24 };
/** Where less is known, the axis is shorter, but not shorter than this. */
const LEAST = 20;
const MINUTE = 60000;
const HEAD = element('thead', {}, element('tr', {}, ...[
  ['Minute', '분'], ['Created', '생성'], ['Paid', '결제'], ['Usually paid', '평소 결제'], ['State', '상태'],
].map(([english, inKorean], index) => element('th', { scope: 'col', class: index > 0 && index < 4 ? 'number' : undefined }, english, ' ', korean(inKorean)))));

/** The next number of 1, 2, 2.5, 5 times a power of ten, so that four lines suffice. */
function step(largest) {
  const rough = Math.max(largest, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough);
  return Math.max(1, factor * power);
}

export function minutesChart(plot, caption, table) {
  let minutes = [];
  let now = 0;
  /** Room for the numbers of the vertical axis. */
  let left = 0;
  let pointed = null;
  const readout = element('p', { class: 'readout', hidden: '' });
  const drawing = element('div', { class: 'drawing' });
  plot.append(drawing, readout);
  plot.tabIndex = 0;
  plot.setAttribute('role', 'group');
  plot.setAttribute('aria-label', 'Chart of orders per minute 분당 주문; arrow keys tell single minutes');

  function draw() {
    const width = Math.max(240, plot.clientWidth);
    const height = Math.max(150, plot.clientHeight);
    const largest = Math.max(0, ...minutes.map((one) => Math.max(one.created ?? 0, one.paid ?? 0, one.usual ?? 0)));
    const gap = step(largest);
    const top = gap * Math.max(1, Math.ceil(largest / gap));
    left = 14 + 7 * count(top).length;
    const inner = { width: width - left - PAD.right, height: height - PAD.top - PAD.bottom };
    const y = (value) => PAD.top + inner.height * (1 - value / top);
    const column = inner.width / Math.max(1, minutes.length);
    const x = (index) => left + column * index;
    const parts = [];
    for (let value = 0; value <= top; value += gap) {
      parts.push(svg('line', { class: value === 0 ? 'axis' : 'grid', x1: left, x2: width - PAD.right, y1: y(value), y2: y(value) }));
      parts.push(svg('text', { class: 'tick', x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, count(value)));
    }
    const every = [5, 10, 15, 20, 30].find((one) => column * one >= 56) ?? 60;
    minutes.forEach((one, index) => {
      if ((one.start / MINUTE) % every === 0) {
        parts.push(svg('text', { class: 'tick', x: Math.min(x(index) + column / 2, width - 18), y: height - 6, 'text-anchor': 'middle' }, minute(one.start)));
      }
      if (one.created !== null) {
        const thick = Math.max(1, column - Math.max(1, Math.min(3, column * 0.25)));
        parts.push(svg('rect', {
          class: `created${one.final ? '' : ' open'}${index === pointed ? ' pointed' : ''}`,
          x: x(index) + (column - thick) / 2, width: thick, y: y(one.created), height: Math.max(0, y(0) - y(one.created)), rx: Math.min(2, thick / 3),
        }));
      }
    });
    const middle = (index) => x(index) + column / 2;
    parts.push(...line(minutes, 'usual', middle, y), ...line(minutes, 'paid', middle, y));
    show(drawing, svg('svg', { role: 'img', 'aria-labelledby': caption.id, width, height, viewBox: `0 0 ${width} ${height}` }, ...parts));
    tell(width, column, x);
  }

  function tell(width, column, x) {
    const one = pointed === null ? null : minutes[pointed];
    readout.hidden = !one;
    if (!one) return;
    show(readout, element('strong', {}, minute(one.start)), ` created 생성 ${count(one.created)} · paid 결제 ${count(one.paid)} · usually 평소 ${count(one.usual)}${stateOf(one)[2]}`);
    const middle = x(pointed) + column / 2;
    readout.classList.toggle('right', middle > width / 2);
  }

  function point(index) {
    const next = index === null || minutes.length === 0 ? null : Math.max(0, Math.min(minutes.length - 1, index));
    if (next === pointed) return;
    pointed = next;
    draw();
  }

  plot.addEventListener('pointermove', (event) => {
    const box = plot.getBoundingClientRect();
    const column = (box.width - left - PAD.right) / Math.max(1, minutes.length);
    point(Math.floor((event.clientX - box.left - left) / column));
  });
  plot.addEventListener('pointerleave', () => point(null));
  plot.addEventListener('blur', () => point(null));
  plot.addEventListener('keydown', (event) => {
    const last = minutes.length - 1;
    const moves = { ArrowLeft: (pointed ?? last + 1) - 1, ArrowRight: (pointed ?? -1) + 1, Home: 0, End: last, Escape: null };
    if (!(event.key in moves)) return;
    event.preventDefault();
    point(moves[event.key]);
  });
  new ResizeObserver(draw).observe(plot);

  return {
    show(next, at) {
      minutes = next.slice(Math.max(0, Math.min(next.findIndex((one) => one.created !== null), next.length - LEAST)));
      now = at;
      if (pointed !== null && pointed >= minutes.length) pointed = null;
      draw();
      show(caption, ...summary(minutes, now));
      const rows = [...minutes].reverse().filter((one) => one.created !== null || one.paid !== null);
      show(table, HEAD.cloneNode(true), element('tbody', {}, ...rows.map((one) => {
        const [english, inKorean] = stateOf(one);
        return element('tr', { 'data-start': one.start, 'data-final': one.final },
          element('th', { scope: 'row' }, minute(one.start)),
          element('td', { class: 'number' }, count(one.created)),
          element('td', { class: 'number' }, count(one.paid)),
          element('td', { class: 'number' }, count(one.usual)),
          element('td', {}, english, ' ', korean(inKorean)));
      })));
    },
  };
}

const stateOf = (one) => (one.final ? ['final', '확정', ''] : ['not final', '미확정', ' · not final 미확정']);

/** The line of a member, broken where nothing is known, dashed where it is not final. */
function line(minutes, name, x, y) {
  const parts = [];
  minutes.forEach((one, index) => {
    const before = minutes[index - 1];
    if (one[name] === null) return;
    if (before && before[name] !== null) {
      parts.push(svg('line', { class: `${name}${one.final ? '' : ' open'}`, x1: x(index - 1), y1: y(before[name]), x2: x(index), y2: y(one[name]) }));
    } else {
      parts.push(svg('circle', { class: name, cx: x(index), cy: y(one[name]), r: name === 'paid' ? 2 : 1 }));
    }
  });
  return parts;
}

/** What is usual now, and by what. */
function usually(minutes) {
  const last = minutes.at(-1);
  if (last.usual === null) return ['What is usual is not known before ten minutes are. ', korean('평소값은 10분 뒤부터')];
  const [english, inKorean] = USUAL[last.usualBy] ?? [last.usualBy, ''];
  return [`Usually ${count(last.usual)} paid: ${english}. `, korean(`평소 ${count(last.usual)}: ${inKorean}`)];
}

/** The chart in words. */
function summary(minutes, now) {
  const known = minutes.filter((one) => one.created !== null);
  if (known.length === 0) return ['No window has been read yet. ', korean('읽은 윈도 없음')];
  const whole = known.filter((one) => one.start + MINUTE <= now);
  const last = whole.at(-1);
  const peak = known.reduce((most, one) => (one.created > most.created ? one : most));
  const open = known.filter((one) => !one.final).length;
  const isOld = now - minutes.at(-1).start > 2 * 60 * MINUTE;
  const date = isOld ? `${day(minutes.at(-1).start)} ` : '';
  return [
    `${date}${minute(known[0].start)}–${minute(known.at(-1).start)} KST, ${known.length} windows, ${open} not final. `,
    last ? `Last whole minute ${minute(last.start)}: ${count(last.created)} created, ${count(last.paid)} paid. ` : '',
    `Peak ${minute(peak.start)}: ${count(peak.created)}. `,
    korean(`마지막 1분 생성 ${count(last?.created)}, 결제 ${count(last?.paid)}; 최고 ${minute(peak.start)} ${count(peak.created)}건`),
    ' ', ...usually(minutes),
  ];
}

