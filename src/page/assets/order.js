// The page of one order: shows what came with it, asks again every few seconds, and asks topics for what the state does
// not keep. Where a token is needed, whoever reads the page has to type it in.

import { byId, element, korean, show, showParts } from './elements.js';
import { clock } from './format.js';
import { orderPage, problemPage, tokenPage } from './order_parts.js';
import { search } from './search.js';

const AGAIN_MS = 5000;
const TOKEN = 'jumun-token';
const path = window.location.pathname;

let order = null;
let traces = null;
/** Whether topics are being read. */
let reading = false;

const headers = () => {
  const token = window.sessionStorage.getItem(TOKEN);
  return { accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
};

/** Status and JSON; a refusal of the token is text. */
async function ask(query) {
  const answer = await fetch(`${path}${query}`, { cache: 'no-store', headers: headers() });
  const text = await answer.text();
  let told = null;
  try {
    told = JSON.parse(text);
  } catch {
    // No answer of an order.
  }
  return { status: answer.status, told };
}

function banner(english, inKorean, detail) {
  const target = byId('banner');
  target.dataset.level = 'bad';
  target.hidden = !english;
  show(target, ...(english ? [element('strong', {}, english, ' ', korean(inKorean)), ` ${detail}`] : []));
}

function draw() {
  if (order === null) return;
  const isFound = order.error === undefined;
  document.title = `${order.orderNo} · jumun · 주문`;
  document.body.dataset.told = isFound ? order.status : order.error;
  showParts(byId('main'), isFound ? orderPage(order, traces, Date.now()) : problemPage(order, traces));
  document.body.dataset.draws = String(Number(document.body.dataset.draws ?? 0) + 1);
  if (traces === null && (isFound || order.error === 'NOT_FOUND')) look();
}

function needToken() {
  document.body.dataset.told = 'TOKEN';
  // Only once: what is being typed must stay.
  if (byId('token')) return;
  show(byId('main'), ...tokenPage(window.sessionStorage.getItem(TOKEN) !== null));
  byId('token').addEventListener('submit', async (event) => {
    event.preventDefault();
    window.sessionStorage.setItem(TOKEN, event.target.elements.token.value.trim());
    byId('main').replaceChildren();
    refresh();
  });
}

async function refresh() {
  let answer;
  try {
    answer = await ask('');
  } catch {
    banner('NO CONNECTION', '연결 끊김', order === null ? '' : 'What is shown is old.');
    document.body.dataset.link = 'PAGE_DISCONNECTED';
    return;
  }
  banner('');
  delete document.body.dataset.link;
  if (answer.status === 401) {
    order = null;
    needToken();
  } else if (answer.told !== null) {
    order = answer.told;
    draw();
  }
}

/** What topics tell; asked once, and when somebody wants it again: brokers have to read for it. */
async function look() {
  if (order === null || reading) return;
  reading = true;
  const times = (order.timeline ?? []).map((one) => Date.parse(one.at));
  const since = times.length > 0 ? `&since=${Math.min(...times)}` : '';
  try {
    const { told } = await ask(`?traces${since}`);
    traces = told ?? { error: 'UNREADABLE', detail: 'the answer could not be read' };
  } catch {
    traces = { error: 'NO_ANSWER', detail: `the processor did not answer at ${clock(Date.now())}` };
  }
  reading = false;
  draw();
}

search(byId('find'));
const told = byId('told').textContent;
if (told.trim() === '') {
  if (window.sessionStorage.getItem(TOKEN) === null) needToken();
  else refresh();
} else {
  order = JSON.parse(told);
  draw();
}
byId('main').addEventListener('click', (event) => {
  if (event.target.closest('#look')) look();
});
window.setInterval(() => {
  if (document.visibilityState === 'visible' && !(order === null && byId('token'))) refresh();
}, AGAIN_MS);
