// The page: takes snapshots from the stream and shows them.

import { showCancels, showFunnel, showStages } from './business.js';
import { byId, element, korean, show } from './elements.js';
import { showEngine, showTasks } from './engine.js';
import { follow } from './feed.js';
import { clock, count, day, duration, rate, span } from './format.js';
import { minutesChart } from './chart.js';
import { showOutcomes, showRejections, showStatuses } from './orders.js';
import { search } from './search.js';
import { showFindings, showTimers } from './watched.js';
import { CONDITIONS } from './words.js';

let snapshot = null;
/** The condition shown, and since when this page has seen it. */
let condition = { name: '', since: 0 };
/** On this browser's clock, which need not be right. */
let receivedAt = 0;
const chart = minutesChart(byId('plot'), byId('plot-text'), byId('minutes-table'));

/** The condition shown: the page's own connection comes first, for without it nothing else is known. */
function showCondition(link) {
  const name = link === 'LIVE' ? snapshot.condition.name : link;
  const [level, english, inKorean, meaning] = CONDITIONS[name] ?? ['warn', name, '', ''];
  const seconds = snapshot ? Math.max(0, Math.round((performance.now() - receivedAt) / 1000)) : null;
  if (condition.name !== name) condition = { name, since: Date.now() };
  const state = byId('state');
  state.dataset.level = level;
  state.dataset.name = name;
  show(byId('state-name'), english);
  show(byId('state-korean'), inKorean);
  if (seconds === null) {
    show(byId('age'), 'no update yet ', korean('갱신 없음'));
  } else if (link === 'LIVE' && seconds <= 2) {
    show(byId('age'), 'live ', korean('실시간'));
  } else {
    show(byId('age'), `last update ${span(seconds)} ago `, korean(`${seconds}초 전 갱신`));
  }
  document.body.dataset.link = link;
  const banner = byId('banner');
  const hasNews = level !== 'ok' && (link !== 'CONNECTING' || snapshot !== null);
  banner.dataset.level = level;
  const detail = link === 'LIVE' ? snapshot.condition.detail : '';
  // The banner is read out: its text must not change every second.
  show(banner, ...(hasNews ? [element('strong', {}, english, ' ', korean(inKorean)), ` since ${clock(condition.since)}. ${meaning} `, element('span', { class: 'detail' }, detail)] : []));
  banner.hidden = !hasNews;
  document.title = `${level === 'ok' ? '' : `${english} · `}jumun · 주문`;
}

function figure(english, inKorean, value, note, name, level) {
  const attributes = { class: 'figure', 'data-level': level };
  return element('div', attributes,
    element('dt', {}, english, ' ', korean(inKorean)),
    element('dd', {}, element('span', { class: 'value', 'data-figure': name }, value), element('span', { class: 'note' }, ...[note].flat())));
}

function showFigures(now) {
  const { engine, orders, recent, history } = now;
  const inFlight = orders.inFlight?.reduce((sum, one) => sum + one.count, 0);
  const complete = history.minutes.filter((one) => one.created !== null && one.start + 60000 <= now.at).at(-1);
  const outcomes = now.outcomes.reduce((sum, one) => sum + one.count, 0);
  const rejected = now.outcomes.filter((one) => one.outcome === 'REJECTED').reduce((sum, one) => sum + one.count, 0);
  const perMinute = complete ? ['paid ', korean('결제'), ` ${count(complete.paid)}, usually `, korean('평소'), ` ${count(complete.usual)}`] : 'no window yet';
  show(byId('figures'),
    figure('Orders / min', '분당 주문', count(complete?.created), perMinute, 'orders-per-minute'),
    figure('In flight', '진행 중', count(inFlight), ['created ', korean('생성'), ' ', element('span', { 'data-figure': 'created' }, count(orders.created))], 'in-flight'),
    figure('Events / s', '초당 이벤트', rate(recent.eventsPerSecond), ['total ', korean('누계'), ' ', element('span', { 'data-figure': 'events' }, count(engine.events))], 'events-per-second'),
    figure('Lag', '지연 레코드', count(engine.lag), ['oldest ', korean('최대'), ` ${duration(engine.lagSeconds)}`], 'lag', engine.lagSeconds > 60 ? 'warn' : undefined),
    figure('Latency p99', '처리 지연 p99', duration(recent.latencyP99), `p50 ${duration(recent.latencyP50)}`, 'latency-p99', recent.latencyP99 > 1 ? 'warn' : undefined),
    figure('Rejected', '거절', count(rejected), outcomes > 0 ? `${((rejected / outcomes) * 100).toFixed(2)} % of ${count(outcomes)}` : 'of nothing yet', 'rejected'),
    figure('Uptime', '가동 시간', span(now.uptimeSeconds), `since ${clock(now.at - now.uptimeSeconds * 1000)}`, 'uptime'));
}

function showAll(now) {
  snapshot = now;
  receivedAt = performance.now();
  const { about } = now;
  show(byId('about'), `${about.applicationId} / ${about.instanceId} · ${about.log} · v${about.version}`);
  const time = byId('clock');
  time.dateTime = new Date(now.at).toISOString();
  show(time, `${day(now.at)} ${clock(now.at)}`);
  showFigures(now);
  chart.show(now.history.minutes, now.at);
  showFindings(now);
  showStatuses(now.orders);
  showFunnel(now);
  showStages(now);
  showCancels(now);
  showTimers(now);
  showOutcomes(now.outcomes);
  showRejections(now.history);
  showEngine(now);
  showTasks(now.threads);
  document.body.dataset.updates = String(Number(document.body.dataset.updates ?? 0) + 1);
}

search(byId('find'));
follow('/events', showAll, showCondition);
