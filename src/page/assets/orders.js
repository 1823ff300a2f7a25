// Orders by status, outcomes, rejections.

import { bar, byId, element, korean, orderLink, show } from './elements.js';
import { clock, count, NONE, share } from './format.js';
import { ACTORS_KOREAN, OUTCOMES, REASONS_KOREAN } from './words.js';

const absent = () => element('p', { class: 'note' }, `${NONE} aggregates are switched off, or no commit has been yet `, korean('집계 꺼짐 또는 첫 커밋 전'));

/** Rows of name, bar and number. */
export function bars(rows, label) {
  const largest = Math.max(1, ...rows.map((row) => row.count));
  const lines = rows.map((row) => element('tr', { 'data-key': row.key, class: row.part ? 'part' : undefined },
    element('th', { scope: 'row', colspan: row.part ? 2 : undefined }, row.english, ' ', korean(row.korean)),
    row.part ? null : element('td', { class: 'graph' }, bar(row.count / largest, row.kind)),
    element('td', { class: 'number' }, count(row.count)),
    element('td', { class: 'number share' }, row.share)));
  return element('table', { class: 'bars', 'aria-label': label }, element('tbody', {}, ...lines));
}

const TROUBLED = new Set(['FAILED', 'RETURNED', 'REJECTED', 'EXPIRED', 'CANCELLED', 'PAYMENT_FAILED', 'POST_CANCELLED']);

function statusRows(counts) {
  const all = counts.reduce((sum, one) => sum + one.count, 0);
  return counts.map((one) => ({
    key: one.status,
    english: one.status.replaceAll('_', ' '),
    korean: one.korean,
    count: one.count,
    share: share(one.count, all),
    kind: TROUBLED.has(one.status) ? 'warn' : '',
  }));
}

export function showStatuses(orders) {
  show(byId('statuses'), orders.inFlight ? bars(statusRows(orders.inFlight), 'Orders in flight by status') : absent());
  show(byId('terminal'), orders.terminal ? bars(statusRows(orders.terminal), 'Orders ended by status') : absent());
}

export function showOutcomes(outcomes) {
  if (outcomes.length === 0) {
    show(byId('outcomes'), element('p', { class: 'note' }, 'no record has been judged yet ', korean('아직 판정된 레코드 없음')));
    return;
  }
  const all = sum(outcomes);
  show(byId('outcomes'), bars(outcomeRows(outcomes, all), 'Input records by outcome'),
    element('p', { class: 'sum' }, 'In all ', korean('합계'), element('span', { class: 'number', 'data-figure': 'outcomes' }, count(all))));
}

const sum = (counts) => counts.reduce((all, one) => all + one.count, 0);
const OUTCOME_KINDS = { REJECTED: 'warn', DLT: 'bad', DUPLICATE: 'dim', STALE: 'dim', PARKED: 'dim' };

/** A row per outcome, and below it one per reason where there are any. */
function outcomeRows(outcomes, all) {
  return [...new Set(outcomes.map((one) => one.outcome))].flatMap((outcome) => {
    const [english, inKorean] = OUTCOMES[outcome] ?? [outcome, ''];
    const of = outcomes.filter((one) => one.outcome === outcome);
    const row = (key, name, nameKorean, number, part) => ({
      key, english: name, korean: nameKorean, count: number, share: share(number, all), kind: OUTCOME_KINDS[outcome] ?? '', part,
    });
    const reasons = of.filter((one) => one.reason !== '');
    return [
      row(outcome, english, inKorean, sum(of), false),
      ...reasons.map((one) => row(`${outcome}/${one.reason}`, one.reason.replaceAll('_', ' '), REASONS_KOREAN[one.reason], one.count, true)),
    ];
  });
}

const REJECTION_HEAD = element('thead', {}, element('tr', {}, ...[
  ['Time', '시각'], ['Order', '주문번호'], ['Event', '이벤트'], ['Status', '상태'], ['Reason', '사유'],
].map(([english, inKorean]) => element('th', { scope: 'col' }, english, ' ', korean(inKorean)))));

/** A detail begins with the action, which has a column of its own. */
const withoutAction = ({ detail, action }) => ` ${detail.startsWith(`${action}: `) ? detail.slice(action.length + 2) : detail}`;

export function showRejections(history) {
  const rows = history.rejections.map((one) => element('tr', {},
    element('td', {}, element('time', { datetime: new Date(one.at).toISOString() }, clock(one.at))),
    element('td', {}, orderLink(one.orderNo)),
    element('td', {}, element('span', { class: 'code' }, one.action), ' ', korean(one.actionKorean), one.actor === '' ? null : element('span', { class: 'by' }, ` ${one.actor} `, korean(ACTORS_KOREAN[one.actor]))),
    element('td', {}, one.status.replaceAll('_', ' '), ' ', korean(one.statusKorean)),
    element('td', { class: 'reason' }, element('strong', {}, one.reason.replaceAll('_', ' ')), ' ', korean(REASONS_KOREAN[one.reason]), one.detail === '' ? null : element('span', { class: 'detail' }, withoutAction(one)))));
  if (rows.length === 0) {
    rows.push(element('tr', {}, element('td', { colspan: 5, class: 'note' }, 'none seen ', korean('없음'))));
  }
  show(byId('rejections'), REJECTION_HEAD.cloneNode(true), element('tbody', {}, ...rows));
}
