// The stream of snapshots, and what becomes of it: loss, refusal, silence, recovery.

/** A snapshot comes every second; after this long without one the connection counts as lost, whatever the browser thinks. */
const SILENCE_MS = 5000;
const RETRY_MS = 2000;
const REFUSED_RETRY_MS = 10000;

/**
 * Follows the stream for ever. `onSnapshot(snapshot)` is called with each; `onLink(link)` whenever the connection's state
 * may have changed: 'CONNECTING', 'LIVE', 'PAGE_DISCONNECTED' or 'PAGE_REFUSED'.
 */
export function follow(path, onSnapshot, onLink) {
  let source = null;
  let heard = performance.now();
  let retry = 0;
  let link = 'CONNECTING';

  const become = (next) => {
    link = next;
    onLink(link);
  };

  function open() {
    window.clearTimeout(retry);
    source?.close();
    source = new EventSource(path);
    source.addEventListener('snapshot', (event) => {
      heard = performance.now();
      onSnapshot(JSON.parse(event.data));
      become('LIVE');
    });
    source.addEventListener('error', () => {
      if (link === 'LIVE') become('PAGE_DISCONNECTED');
      // The browser tries again by itself after a loss, but not after an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) ask();
    });
  }

  async function ask() {
    let next = 'PAGE_DISCONNECTED';
    try {
      const answer = await fetch('/health/live', { cache: 'no-store' });
      if (answer.ok) next = 'PAGE_REFUSED';
    } catch {
      // Nobody answers.
    }
    become(next);
    retry = window.setTimeout(open, next === 'PAGE_REFUSED' ? REFUSED_RETRY_MS : RETRY_MS);
  }

  open();
  window.setInterval(() => {
    const silent = performance.now() - heard > SILENCE_MS;
    if (silent && link !== 'PAGE_REFUSED') {
      // A connection that hangs (a machine that slept, a network that swallows) is given up for a new one.
      heard = performance.now();
      if (link === 'LIVE' || source.readyState === EventSource.OPEN) open();
      become('PAGE_DISCONNECTED');
    } else {
      onLink(link);
    }
  }, 1000);
}
