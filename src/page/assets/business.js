// What the windows of the last hour add up to: funnel, lead times, cancel rates.

import { bar, both, byId, element, head, korean, note, show, svg } from './elements.js';
import { count, lasting, NONE, share, shareOf } from './format.js';
import { bars } from './orders.js';
import { STAGES } from './words.js';

/** Rates of fewer orders say nothing (A6). */
const LEAST = 20;

/** Why an aggregate is not told; none if it is. */
export function off(told, ...names) {
  if (told.aggregates.length === 0) return note('Switched off: aggregates.enabled ', korean('집계 꺼짐'));
  const missing = names.filter((name) => !told.aggregates.includes(name));
  if (missing.length === 0) return null;
  return note(`Switched off: aggregates.include leaves out ${missing.join(', ')} `, korean('설정에서 꺼짐'));
}

const nothing = () => note('no window has told of it yet ', korean('아직 집계 없음'));

export function showFunnel({ about, history: { business: { funnel } } }) {
  const isOff = off(about.told, 'transitions');
  if (isOff || funnel.minutes === 0) {
    show(byId('funnel'), isOff ?? nothing());
    return;
  }
  const created = funnel.reached[0].count;
  const row = (kind) => (one) => ({
    key: one.status, english: one.status.replaceAll('_', ' '), korean: one.korean, count: one.count, share: share(one.count, created), kind,
  });
  show(byId('funnel'),
    bars(funnel.reached.map(row('')), 'Orders that reached each step'),
    ...(funnel.left.length > 0 ? [
      element('h3', { class: 'title small' }, 'Left the way ', korean('이탈')),
      bars(funnel.left.map(row('warn')), 'Orders that left the way'),
    ] : []),
    note(`Orders that reached each step within ${count(funnel.minutes)} minutes, of those created in them; steps may be skipped. `, korean('최근 1시간 단계별 도달')));
}

/** From nothing to p90, with p50 on the way. */
function spread(one, most) {
  const at = (value) => (Math.min(1, value / most) * 100).toFixed(2);
  return svg('svg', { class: 'bar spread', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'track', width: 100, height: 6 }),
    svg('rect', { class: 'tail', width: at(one.p90), height: 6 }),
    svg('rect', { class: 'fill', width: at(one.p50), height: 6 }));
}

export function showStages({ about, history: { business: { stages, promises } } }) {
  if (about.told.aggregates.length === 0 || stages.length === 0) {
    show(byId('stages'), off(about.told) ?? nothing());
    return;
  }
  const most = Math.max(1, ...stages.map((one) => one.p90 ?? 0));
  const rows = stages.map((one) => {
    const [english, inKorean, aggregate] = STAGES[one.stage];
    const isOff = off(about.told, aggregate);
    const figures = isOff
      ? [element('td', { colspan: 3 }, isOff)]
      : [one.p50 === null ? NONE : lasting(one.p50), one.p90 === null ? NONE : lasting(one.p90), count(one.count)].map((value) => element('td', { class: 'number' }, value));
    return element('tr', { 'data-key': one.stage },
      element('th', { scope: 'row' }, english, ' ', korean(inKorean), one.p90 === null ? null : spread(one, most)),
      ...figures);
  });
  show(byId('stages'),
    element('table', { class: 'durations' }, head([['Stage', '단계'], ['p50', ''], ['p90', ''], ['Orders', '건수']], 1), element('tbody', {}, ...rows)),
    off(about.told, 'promise_error') ?? element('p', { class: 'sum' }, 'As promised ', korean('약속 준수'),
      element('span', { class: 'number', 'data-figure': 'on-time' }, share(promises.onTime, promises.delivered)), element('span', { class: 'note' }, `of ${count(promises.delivered)}`)),
    note('Of the last ten minutes; put together from the quantiles of regions and minutes, so about right. ', korean('최근 10분, 근사값')));
}

export function showCancels({ about, history: { business: { cancels } } }) {
  const isOff = off(about.told, 'cancel_rate_flow');
  if (isOff || cancels.sidos.length === 0) {
    show(byId('cancels'), isOff ?? nothing());
    return;
  }
  const rate = ({ cancelled, paid }) => (paid >= LEAST ? cancelled / paid : null);
  const most = Math.max(0.05, ...cancels.sidos.map((one) => rate(one.whole) ?? 0));
  const line = (one, name) => element('tr', { 'data-key': one.sido },
    element('th', { scope: 'row' }, name),
    element('td', { class: 'graph' }, bar((rate(one.whole) ?? 0) / most, 'warn')),
    ...[one.lately, one.whole].map((counts) => element('td', { class: 'number' }, shareOf(counts.cancelled, counts.paid, LEAST))),
    element('td', { class: 'number' }, count(one.whole.paid)));
  const all = line(cancels.all, element('strong', {}, ...both(['all', '전체'])));
  show(byId('cancels'),
    element('table', { class: 'rates' }, head([['Region', '지역'], ['', ''], ['10 min', ''], ['1 h', ''], ['Paid', '결제']], 2),
      element('tbody', {}, all, ...cancels.sidos.map((one) => line(one, one.sido || NONE)))),
    cancels.omitted > 0 ? note(`${count(cancels.omitted)} more regions `, korean('지역 더 있음')) : null,
    note(`Cancelled, rejected or expired / paid, as they happen; ${NONE} under ${LEAST} paid. `, korean('취소·거절·만료 / 결제')));
}
