// State of the engine: counters, restore, threads and tasks, the page's own reader.

import { bar, byId, element, korean, show } from './elements.js';
import { count, duration, NONE, rate, share } from './format.js';
import { LEVELS, READERS, STATES_KOREAN } from './words.js';

function fact(english, inKorean, value, name, note) {
  return element('div', {},
    element('dt', {}, english, ' ', korean(inKorean)),
    element('dd', {}, element('span', { 'data-figure': name }, value), note ? element('span', { class: 'note' }, ` ${note}`) : null));
}

export function showEngine({ engine, recent, restore, history }) {
  const transactions = engine.transactions ?? {};
  const mean = engine.commits > 0 ? engine.commitSeconds / engine.commits : null;
  show(byId('engine'),
    fact('Records in', '입력', count(engine.recordsIn), 'records-in'),
    fact('Records out', '출력', count(engine.recordsOut), 'records-out'),
    fact('Changelog records', '체인지로그', count(engine.changelogRecords), 'changelog-records'),
    fact('Dead letters', '판정 불가', count(engine.deadLetters), 'dead-letters'),
    fact('Commits', '커밋', count(engine.commits), 'commits', `${rate(recent.commitsPerSecond)} / s`),
    fact('Commit latency, mean', '커밋 평균', duration(mean), 'commit-mean'),
    fact('Transactions aborted', '중단된 트랜잭션', count(transactions.aborted), 'aborted'),
    fact('Transactions fenced', '차단된 트랜잭션', count(transactions.fenced), 'fenced'),
    fact('Rebalances', '리밸런싱', count(engine.rebalances), 'rebalances'),
    fact('Records restored', '복원 레코드', count(engine.restoredRecords), 'restored'));
  const isRestoring = restore.total > 0 && restore.remaining > 0;
  const holder = byId('restore');
  holder.hidden = !isRestoring;
  const done = restore.total - restore.remaining;
  show(holder, ...(isRestoring ? [
    element('p', {}, element('strong', {}, 'Restoring '), korean('상태 복원 중'), ` ${count(done)} of ${count(restore.total)} offsets (${share(done, restore.total)})`),
    bar(done / restore.total),
  ] : []));
  const [english, inKorean] = READERS[history.state] ?? [history.state, ''];
  const topics = history.topics.map((one) => `${one.topic} ${one.partitions === null ? '(does not exist yet 아직 없음)' : `× ${one.partitions}`}`);
  show(byId('reader'),
    element('strong', {}, english), ' ', korean(inKorean), history.detail === '' ? '' : ` ${history.detail}`,
    element('br'), topics.join(', ') || NONE,
    element('br'), `${count(history.read)} records read 읽음, ${count(history.late)} late 지연 도착, ${count(history.malformed)} malformed 형식 오류`);
}

const HEAD = element('thead', {}, element('tr', {},
  ...[['Task', '태스크'], ['State', '상태'], ['Lag', '지연'], ['Restored', '복원']].map(([english, inKorean], index) =>
    element('th', { scope: 'col', class: index > 1 ? 'number' : undefined }, english, ' ', korean(inKorean)))));

const state = (name) => element('span', { class: 'tag', 'data-level': LEVELS[name] ?? 'warn' }, name.replaceAll('_', ' '), ' ', korean(STATES_KOREAN[name]));

export function showTasks(threads) {
  const bodies = threads.map((thread) => element('tbody', {},
    element('tr', { class: 'thread' },
      element('th', { scope: 'rowgroup' }, thread.name),
      element('td', {}, state(thread.state)),
      element('td', { colspan: 2, class: 'note' }, thread.detail)),
    ...thread.tasks.map((task) => element('tr', { 'data-task': task.id },
      element('th', { scope: 'row', class: 'code' }, task.id),
      element('td', {}, state(task.state)),
      element('td', { class: 'number' }, count(task.lag)),
      element('td', { class: 'number' }, task.total > 0 ? share(task.restored, task.total) : NONE)))));
  show(byId('tasks'), HEAD.cloneNode(true), ...bodies);
}
