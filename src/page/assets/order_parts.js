// What is shown of one order.

import { both, element, head, korean, note, tag } from './elements.js';
import { count, lasting, NONE, span } from './format.js';
import { measured, moment, timerName } from './watched.js';
import { ACTORS_KOREAN, OUTCOMES, REASONS_KOREAN, SLA_LEVELS } from './words.js';

const TROUBLED = new Set(['FAILED', 'RETURNED', 'REJECTED', 'EXPIRED', 'CANCELLED', 'PAYMENT_FAILED', 'POST_CANCELLED', 'NONE']);
const words = (code) => code.replaceAll('_', ' ');
const won = (value) => `₩${count(value)}`;

function time(text, now) {
  const ms = Date.parse(text);
  return element('time', { datetime: text, title: text }, moment(ms, now));
}

const card = (title, kind, ...children) => element('section', { class: `card ${kind}` }, element('h2', { class: 'title' }, ...both(title)), ...children);

const reason = (code) => [element('strong', {}, words(code)), ' ', korean(REASONS_KOREAN[code])];

const action = (name, by) => [element('span', { class: 'code' }, name ?? 'unknown'), by ? element('span', { class: 'by' }, ` ${by} `, korean(ACTORS_KOREAN[by])) : null];

const table = (kind, names, rows) => element('div', { class: 'scroll' }, element('table', { class: kind }, head(names), element('tbody', {}, ...rows)));

function title(order, now) {
  const warnings = [
    order.hold ? ['Consumers wait: its cancel came before it', '취소가 먼저 도착, 보류'] : null,
    order.contradicted ? [`Contradicted by ${order.contradictedBy.join(', ')}`, '소유자와 상충'] : null,
    order.ghost ? [`Only a refused ${order.ghost.action} is known`, '생성 전 취소만 있음'] : null,
    order.flags.length > 0 ? [`Flags: ${order.flags.map(words).join(', ')}`, '표시'] : null,
  ].filter((one) => one !== null);
  const regions = Object.entries(order.regions).map(([name, value]) => element('span', {}, element('span', { class: 'note' }, `${name} `), words(value)));
  return element('section', { class: 'card wide' },
    element('h1', {}, element('span', { class: 'code' }, order.orderNo), tag(TROUBLED.has(order.status) ? 'warn' : 'ok', words(order.status), order.statusKorean),
      element('span', { class: 'note', id: 'as-of' }, 'as of ', korean('기준'), ' ', time(order.asOf, now), ` · ${order.instance} · task ${order.task}`)),
    element('p', { class: 'regions' }, ...regions.flatMap((one) => [one, ' '])),
    warnings.length > 0 ? element('ul', { class: 'warnings' }, ...warnings.map((one) => element('li', {}, ...both(one)))) : null);
}

function facts(order, now) {
  const fact = (name, value) => (value === undefined || value === null || value === '' ? null
    : element('div', {}, element('dt', {}, ...both(name)), element('dd', {}, value)));
  const versions = Object.entries({ ...order.versions, ...order.versions.delivery }).filter(([, value]) => typeof value === 'number');
  const milestones = Object.entries(order.times).map(([name, at]) => fact([name.replace(/At$/, ''), ''], time(at, now)));
  return card(['Order', '주문 정보'], 'facts-card', element('dl', { class: 'facts' },
    fact(['Store', '가게'], order.storeId), fact(['Category', '업종'], order.category),
    fact(['Place', '지역'], [order.sido, order.sigungu, order.dong].filter(Boolean).join(' ')),
    fact(['Fulfilment', '배달 방식'], order.fulfilment), fact(['Customer', '고객'], order.customerId),
    fact(['Amount', '금액'], won(order.amount)), fact(['Paid', '결제'], `${won(order.paid)}${order.paymentMethod ? ` ${order.paymentMethod}` : ''}`),
    order.refunded > 0 ? fact(['Refunded', '환불'], won(order.refunded)) : null,
    fact(['Promised', '약속 시각'], order.promisedAt ? time(order.promisedAt, now) : null),
    fact(['Cooking, minutes', '조리 시간'], order.cookMinutes), order.attempts > 0 ? fact(['Riders assigned', '배차 횟수'], `${order.attempts}`) : null,
    fact(['Reason', '사유'], order.reason), fact(['Liability', '귀책'], order.liability),
    ...milestones,
    fact(['Versions', '버전'], versions.map(([name, value]) => `${name} ${value}`).join(', ')),
    fact(['Kept until', '보관 기한'], time(order.retention.until, now))));
}

function watches(order, now) {
  const level = (one) => {
    const [kind, english, inKorean] = SLA_LEVELS[one.level] ?? ['warn', one.level, ''];
    const left = (Date.parse(one.at) - now) / 1000;
    const when = left >= 0 ? ` in ${span(left)}` : ' passed';
    return element('span', {}, one.told ? tag(kind, english, inKorean) : element('span', { class: 'note' }, english, ' ', korean(inKorean)), ' ', time(one.at, now),
      one.told ? null : element('span', { class: left >= 0 ? 'note' : 'passed' }, when));
  };
  const rows = order.watches.map((one) => element('tr', { 'data-watch': one.watch },
    element('td', {}, ...both(timerName(one.watch))),
    element('td', {}, time(one.since, now)),
    element('td', {}, ...one.levels.flatMap((each) => [level(each), element('br')]).slice(0, -1))));
  return card(['Running timers', '실행 중 타이머'], 'watches',
    rows.length === 0 ? note('none runs ', korean('없음')) : table('', [['Timer', '타이머'], ['Since', '시작'], ['Levels', '단계']], rows));
}

function aside(events, name, kind, now) {
  if (events.length === 0) return null;
  const left = (one) => (one.until ? [time(one.until, now), element('span', { class: 'note' }, ` then ${words(one.inTheEnd ?? '')}`)] : [element('span', { class: 'note' }, 'as long as the order ', korean('주문 보관 동안'))]);
  return card(name, `wide ${kind}`, table('', [['Event', '이벤트'], ['Waits for', '대기 사유'], ['Since', '시작'], ['Until', '기한'], ['Record', '레코드']],
    events.map((one) => element('tr', { 'data-event': one.eventId },
      element('td', {}, ...action(one.action), element('span', { class: 'note' }, ` ${one.aggregate} ${one.version ?? ''}`)),
      element('td', {}, ...(one.cause ? reason(one.cause) : [note('nothing any more ', korean('해소됨'))]), one.detail ? element('span', { class: 'note' }, ` ${one.detail}`) : null),
      element('td', {}, time(one.since, now)),
      element('td', {}, ...left(one)),
      element('td', {}, element('span', { class: 'code' }, `${one.topic} ${one.partition} @${one.offset}`),
        one.event ? element('details', {}, element('summary', {}, 'event'), element('pre', {}, JSON.stringify(one.event, null, 2))) : null)))));
}

const of = (traces, topic) => (traces?.topics ?? []).filter((one) => one.topic.startsWith(topic)).flatMap((one) => one.records);

/** Rows of what topics tell: when, what kind, what. */
function traced(traces) {
  const rows = [];
  for (const { value } of of(traces, 'order.sla.v1')) {
    const [kind, english, inKorean] = SLA_LEVELS[value.level] ?? ['warn', value.level, ''];
    rows.push({ at: value.firedAt, kind: 'sla', what: [tag(kind, english, inKorean), ' ', ...both(timerName(value.timer))], note: `for ${lasting((Date.parse(value.firedAt) - Date.parse(value.since)) / 1000)}, deadline ${value.deadline}` });
  }
  for (const { value } of of(traces, 'order.detector.v1')) {
    rows.push({ at: value.at, kind: 'finding', what: [tag(value.phase === 'END' ? 'ok' : 'bad', value.phase, ''), ' ', ...both(timerName(value.detector))], note: `after ${measured(value.detector, value.value)}` });
  }
  return rows;
}

const TO_RECONCILE = () => tag('bad', 'to be reconciled', '대사 필요');

/** Contradictions: most are those of an event that was refused for just that, and are told with it. */
function reconciled(traces, rows) {
  const refused = rows.filter((row) => row.kind === 'rejected');
  for (const { value } of of(traces, 'order.reconcile.v1')) {
    const found = refused.find((row) => row.reason === value.kind && !row.isReconciled);
    if (found) {
      found.isReconciled = true;
      found.outcome.push(' ', TO_RECONCILE());
    } else {
      rows.push({ at: value.at, kind: 'reconcile', what: [TO_RECONCILE(), ' ', words(`${value.kind ?? ''}`)], note: '' });
    }
  }
}

/** What the state remembers, the refused of the topic beside it or on their own, and the rest of the topics. */
export function chronology(order, traces) {
  const refused = of(traces, 'order.rejected.v1').map(({ at, value }) => ({ at, value, shown: false }));
  const same = (entry, { value }) => value.event?.id === entry.eventId
    || (value.event?.action === entry.action && value.reason === entry.reason && Date.parse(value.event?.time?.occurredAt) === Date.parse(entry.at));
  const rows = (order.timeline ?? []).map((entry) => {
    const found = entry.outcome === 'REJECTED' ? refused.find((one) => !one.shown && same(entry, one)) : undefined;
    if (found) found.shown = true;
    const [english, inKorean] = OUTCOMES[entry.outcome] ?? [entry.outcome, ''];
    const isRefused = entry.outcome === 'REJECTED' || entry.outcome === 'DLT';
    return {
      at: entry.at,
      kind: isRefused ? 'rejected' : 'event',
      reason: entry.reason,
      what: action(entry.action, found?.value.event?.actor?.type),
      outcome: isRefused ? [english, ' ', ...(entry.reason ? reason(entry.reason) : [])] : both([english, inKorean]),
      note: [`${entry.deliveryId ?? entry.aggregate} ${entry.version ?? ''}`, found?.value.detail].filter(Boolean).join(' · '),
    };
  });
  for (const { at, value } of refused.filter((one) => !one.shown)) {
    rows.push({ at: value.event?.time?.occurredAt ?? at, kind: 'rejected', reason: value.reason, what: action(value.event?.action, value.event?.actor?.type), outcome: ['Rejected ', ...reason(`${value.reason}`)], note: value.detail ?? '' });
  }
  reconciled(traces, rows);
  rows.push(...traced(traces));
  // What happened at the same time stays in the order in which it was consumed.
  return rows.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function lookedAt(traces, now) {
  if (traces === null) return note('Topics are being read … ', korean('토픽 읽는 중'));
  if (traces.error) return element('p', { class: 'note', id: 'looked' }, `Topics could not be read (${words(traces.error)}): ${traces.detail} `, korean('토픽을 읽을 수 없음'));
  const one = (topic) => element('li', { 'data-topic': topic.topic },
    element('span', { class: 'code' }, `${topic.topic} ${topic.partition}`), ` ${count(topic.records.length)} of this order, `,
    topic.firstOffset >= topic.endOffset ? 'nothing since then' : `offsets ${count(topic.firstOffset)}–${count(topic.endOffset - 1)}`,
    topic.since ? [' from ', time(topic.since, now)] : null,
    topic.reachesBack ? ', from the beginning of the order or the topic on' : element('strong', {}, ', not from its beginning: earlier ones may be missing'),
    topic.reachedEnd ? '' : element('strong', {}, ', not to the end: there was no time'),
    topic.omitted > 0 ? `, ${count(topic.omitted)} left out` : '');
  return element('div', { class: 'note', id: 'looked' }, 'Read in topics: ', korean('토픽에서 읽은 범위'), element('ul', {}, ...traces.topics.map(one)), traces.topics.length === 0 ? NONE : null);
}

function timeline(order, traces, now) {
  const rows = chronology(order, traces).map((one) => element('tr', { 'data-kind': one.kind },
    element('td', {}, time(one.at, now)),
    element('td', {}, ...one.what),
    element('td', {}, ...(one.outcome ?? [])),
    element('td', { class: 'note' }, one.note)));
  return card(['Timeline', '타임라인'], 'timeline-card',
    rows.length === 0 ? note('nothing is known ', korean('없음')) : table('timeline', [['Time', '시각'], ['What', '내용'], ['Outcome', '결과'], ['', '']], rows),
    order.timeline ? note('The order remembers its last 64 events. ', korean('최근 64개 이벤트')) : null,
    lookedAt(traces, now),
    element('p', {}, element('button', { id: 'look', type: 'button' }, 'Read topics again ', korean('다시 읽기'))));
}

export const orderPage = (order, traces, now) => [
  title(order, now),
  timeline(order, traces, now),
  element('div', { class: 'side' }, watches(order, now), facts(order, now)),
  aside(order.parked, ['Parked events', '보류된 이벤트'], 'parked', now),
  aside(order.kept, ['Refused, judged again when what they miss has come', '거절 후 재판정 대기'], 'kept', now),
];

export function problemPage(problem, traces) {
  const isAbsent = problem.error === 'NOT_FOUND';
  const english = isAbsent ? 'There is no such order' : `Nobody can tell now: ${words(problem.error)}`;
  return [
    element('section', { class: 'card wide', id: 'problem' },
      element('h1', {}, element('span', { class: 'code' }, problem.orderNo), tag(isAbsent ? 'warn' : 'bad', english, isAbsent ? '주문 없음' : '지금은 알 수 없음')),
      element('p', { class: 'note' }, problem.detail),
      isAbsent ? null : note('Asked again every few seconds. ', korean('자동으로 다시 시도'))),
    ...(isAbsent ? [timeline({}, traces, Date.now())] : []),
  ];
}

export const tokenPage = (wasRefused) => [
  element('section', { class: 'card wide' },
    element('h1', {}, 'A token is needed ', korean('토큰 필요')),
    wasRefused ? element('p', { class: 'passed' }, 'The last one was refused. ', korean('거부됨')) : null,
    note('Orders hold personal data. This is http.token of the processor; it stays in this tab. ', korean('이 탭에만 보관됩니다')),
    element('form', { id: 'token', class: 'token' },
      element('input', { name: 'token', type: 'password', required: '', autocomplete: 'off', 'aria-label': 'Token 토큰' }),
      element('button', { type: 'submit' }, 'Show ', korean('보기')))),
];
