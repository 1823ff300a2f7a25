// What lasts too long, and what is unusual: timers and detectors.

import { both, byId, element, head, korean, note, orderLink, show, tag } from './elements.js';
import { clock, count, day, lasting, NONE, share, span } from './format.js';
import { DETECTORS, SLA_LEVELS, TIMERS } from './words.js';

export const timerName = (name) => TIMERS[name] ?? DETECTORS[name] ?? [name, ''];

/** The time of day, with its date where that is another. */
export const moment = (ms, now) => (day(ms) === day(now) ? clock(ms) : `${day(ms)} ${clock(ms)}`);

/** A detector's measure. */
export function measured(detector, value) {
  const kind = DETECTORS[detector]?.[2];
  if (kind === 'seconds') return lasting(value);
  return kind === 'share' ? share(value, 1) : count(value);
}

function finding(one, now) {
  const against = [measured(one.detector, one.value)];
  if (one.baseline !== null && one.baseline !== undefined) against.push(one.isOrder ? ' of ' : ' against ', measured(one.detector, one.baseline), one.isOrder ? '' : ' usually');
  if (one.total) against.push(` of ${count(one.total)}`);
  return element('li', { class: one.lasts ? 'lasts' : 'over', 'data-detector': one.detector, 'data-scope': one.scope },
    one.lasts ? tag('bad', ...(DETECTORS[one.detector] ?? [one.detector, '']).slice(0, 2)) : element('span', {}, ...both(DETECTORS[one.detector] ?? [one.detector, ''])),
    ' ', one.isOrder ? orderLink(one.scope) : element('strong', {}, one.scope.replace('=', ' ')), ' ',
    element('span', { class: 'note' }, ...against, ` · ${moment(one.startedAt, now)}`, one.lasts ? ` · ${span((now - one.startedAt) / 1000)}` : `–${moment(one.at, now)}`));
}

export function showFindings({ about, at, detectors, history: { findings, topics } }) {
  const target = byId('findings');
  if (!about.told.detectors) {
    show(target, note('Switched off: detectors.enabled ', korean('탐지기 꺼짐')));
    return;
  }
  const active = (detectors ?? []).reduce((sum, one) => sum + one.active, 0);
  const isMissing = topics.some((one) => one.topic === 'order.detector.v1' && one.partitions === null);
  const calm = findings.lastingCount === 0 && active === 0;
  show(target,
    element('p', { class: 'lead' },
      calm ? tag('ok', 'nothing unusual', '이상 없음') : tag('bad', `${count(Math.max(active, findings.lastingCount))} now`, '진행 중'), ' ',
      element('span', { class: 'note' }, `${count(active)} by the metrics of this instance `, korean('이 인스턴스 지표 기준'))),
    element('ul', { class: 'list' }, ...findings.lasting.map((one) => finding(one, at))),
    findings.lastingCount > findings.lasting.length ? note(`and ${count(findings.lastingCount - findings.lasting.length)} more that were read `, korean('더 있음')) : null,
    findings.over.length > 0 ? element('h3', { class: 'title small' }, 'Over ', korean('종료')) : null,
    element('ul', { class: 'list' }, ...findings.over.slice(0, 5).map((one) => finding(one, at))),
    findings.midway ? note('The topic was not read from its beginning: what began earlier is counted, not listed. ', korean('이전 항목은 목록에 없음')) : null,
    isMissing ? note('order.detector.v1 does not exist yet ', korean('토픽 없음')) : null);
}

const TIMER_HEAD = head([['Timer', '타이머'], ['Overdue now', '현재 초과'], ['Warn', '주의'], ['Breach', '위반'], ['Critical', '심각']], 1);
const BREACH_HEAD = head([['Time', '시각'], ['Order', '주문번호'], ['Timer', '타이머'], ['Level', '단계'], ['Status', '상태'], ['Since', '경과']], 5);

export function showTimers({ about, at, timers, history: { breaches } }) {
  if (!about.told.timers) {
    show(byId('timers'), note('Switched off: timers.enabled ', korean('타이머 꺼짐')));
  } else if (timers === null) {
    show(byId('timers'), note('no commit has been yet ', korean('첫 커밋 전')));
  } else {
    const cells = (one) => [one.overdue, one.warn, one.breach, one.critical].map((value, index) =>
      element('td', { class: `number${index === 0 && value > 0 ? ' bad' : ''}`, 'data-cell': ['overdue', 'warn', 'breach', 'critical'][index] }, value === null ? NONE : count(value)));
    show(byId('timers'),
      element('table', { class: 'levels' }, TIMER_HEAD.cloneNode(true), element('tbody', {}, ...timers.map((one) =>
        element('tr', { 'data-key': one.timer, class: one.overdue + one.warn + one.breach > 0 ? undefined : 'quiet' },
          element('th', { scope: 'row' }, ...both(timerName(one.timer))), ...cells(one))))),
      note('Orders past the breach now; and all that ever reached a level, of the tasks of this instance. ', korean('이 인스턴스 누계')));
  }
  const rows = breaches.map((one) => {
    const [level, english, inKorean] = SLA_LEVELS[one.level] ?? ['warn', one.level, ''];
    return element('tr', {},
      element('td', {}, element('time', { datetime: new Date(one.at).toISOString() }, moment(one.at, at))),
      element('td', {}, orderLink(one.orderNo)),
      element('td', {}, ...both(timerName(one.timer))),
      element('td', {}, tag(level, english, inKorean)),
      element('td', {}, one.status.replaceAll('_', ' '), ' ', korean(one.statusKorean)),
      element('td', { class: 'number' }, lasting((one.at - one.since) / 1000)));
  });
  if (rows.length === 0) rows.push(element('tr', {}, element('td', { colspan: 6, class: 'note' }, 'none seen ', korean('없음'))));
  show(byId('breaches'), BREACH_HEAD.cloneNode(true), element('tbody', {}, ...rows));
}
