// State of the engine: counters, restore, threads and tasks, the page's own reader.

import { bar, byId, element, korean, show } from './elements.js';
import { bytes, count, duration, NONE, rate, share } from './format.js';
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
    fact('to changelogs', '체인지로그', count(engine.out?.changelog), 'changelog-records'),
    fact('Dead letters', '판정 불가', count(engine.deadLetters), 'dead-letters'),
    fact('Commits', '커밋', count(engine.commits), 'commits', `${rate(recent.commitsPerSecond)} / s`),
    fact('Commit p99', '커밋 p99', duration(recent.commitP99), 'commit-p99', `p50 ${duration(recent.commitP50)}`),
    fact('Commit, mean', '커밋 평균', duration(mean), 'commit-mean'),
    fact('Aborted', '중단된 트랜잭션', count(transactions.aborted), 'aborted'),
    fact('Fenced', '차단된 트랜잭션', count(transactions.fenced), 'fenced'),
    fact('Rebalance events', '리밸런싱', count(engine.rebalances), 'rebalances'),
    fact('Watermark delay', '워터마크 지연', duration(engine.watermarkDelay), 'watermark-delay'),
    fact('Records restored', '복원 레코드', count(engine.restoredRecords), 'restored'),
    ...(engine.standbyTasks > 0 ? [fact('Standby tasks', '대기 태스크', count(engine.standbyTasks), 'standby-tasks', `${count(engine.standbyLag)} behind 뒤처짐`)] : []),
    fact('Keys in state', '상태 키', count(engine.stateKeys), 'state-keys', 'about'),
    fact('Not yet flushed', '미기록', count(engine.unflushedRecords), 'unflushed', 'records'),
    fact('State in memory', '상태 메모리', bytes(engine.memoryBytes), 'state-memory'),
    fact('State on disk', '상태 디스크', bytes(engine.diskBytes), 'state-disk'),
    fact('Tasks with stalled writes', '쓰기 지연', count(engine.stalledTasks), 'stalls'),
    fact('Disk errors', '디스크 오류', count(engine.backgroundErrors), 'disk-errors'));
  const isRestoring = restore.total > 0 && restore.remaining > 0;
  const holder = byId('restore');
  holder.hidden = !isRestoring;
  const done = restore.total - restore.remaining;
  show(holder, ...(isRestoring ? [
    element('p', {}, element('strong', {}, 'Restoring '), korean('상태 복원 중'), ` ${count(done)} of ${count(restore.total)} offsets (${share(done, restore.total)})`,
      restore.records_per_second > 0 ? `, ${count(restore.records_per_second)} records / s` : '',
      restore.eta_seconds ? `, ${duration(restore.eta_seconds)} left ` : '',
      restore.eta_seconds ? korean('남음') : ''),
    bar(done / restore.total),
  ] : []));
  const [english, inKorean] = READERS[history.state] ?? [history.state, ''];
  const topics = history.topics.map((one) => `${one.topic} ${one.partitions === null ? '(does not exist yet 아직 없음)' : `× ${one.partitions}`}`);
  show(byId('reader'),
    element('strong', {}, english), ' ', korean(inKorean), history.detail === '' ? '' : ` ${history.detail}`,
    element('br'), topics.join(', ') || NONE,
    element('br'), `${count(history.read)} records read 읽음, ${count(history.late)} late 지연 도착, ${count(history.malformed)} malformed 형식 오류`,
    history.crowded > 0 ? `, ${count(history.crowded)} left out, for there are too many groups 그룹 초과` : null);
}

const HEAD = element('thead', {}, element('tr', {},
  ...[['Task', '태스크'], ['State', '상태'], ['Lag', '지연'], ['Restored', '복원']].map(([english, inKorean], index) =>
    element('th', { scope: 'col', class: index > 1 ? 'number' : undefined }, english, ' ', korean(inKorean)))));

const state = (name) => element('span', { class: 'tag', 'data-level': LEVELS[name] ?? 'warn' }, name.replaceAll('_', ' '), ' ', korean(STATES_KOREAN[name]));

export function showTasks(threads) {
  const bodies = threads.map((thread) => element('tbody', {},
    element('tr', { class: 'thread' }, element('th', { colspan: 4, scope: 'rowgroup' },
      thread.name, ' ', state(thread.state), ' ', element('span', { class: 'note' }, thread.detail))),
    ...thread.tasks.map((task) => element('tr', { 'data-task': task.id },
      element('th', { scope: 'row', class: 'code' }, task.id),
      element('td', {}, state(task.state)),
      element('td', { class: 'number' }, count(task.lag)),
      element('td', { class: 'number' }, task.total > 0 ? share(task.restored, task.total) : NONE,
        task.state === 'RESTORING' ? bar(task.restored / task.total) : null)))));
  show(byId('tasks'), HEAD.cloneNode(true), ...bodies);
}
