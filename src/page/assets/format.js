// Numbers, durations and times as people read them. Times are Korean, whatever the browser's zone.

export const NONE = '—';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat('en-US', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const time = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Seoul', hourCycle: 'h23', ...options });
const seconds = time({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minutes = time({ hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul', year: 'numeric', month: '2-digit', day: '2-digit' });

const known = (value) => typeof value === 'number' && Number.isFinite(value);

export const count = (value) => (known(value) ? whole.format(value) : NONE);
export const share = (part, all) => (known(part) && all > 0 ? percent.format(part / all) : NONE);

export function rate(value) {
  if (!known(value)) return NONE;
  return value < 100 ? tenths.format(value) : whole.format(value);
}

/** A duration in seconds with the unit that fits. */
export function duration(value) {
  if (!known(value)) return NONE;
  if (value < 0.0995) return `${tenths.format(value * 1000)} ms`;
  if (value < 1) return `${whole.format(value * 1000)} ms`;
  return `${tenths.format(value)} s`;
}

/** Bytes with the unit that fits. */
export function bytes(value) {
  if (!known(value)) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${rate(value / 1024 ** unit)} ${units[unit]}`;
}

/** How long something has been going on. */
export function span(value) {
  if (!known(value)) return NONE;
  const all = Math.floor(value);
  const two = (number) => String(number).padStart(2, '0');
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (h >= 24) return `${Math.floor(h / 24)} d ${h % 24} h`;
  if (h > 0) return `${h} h ${two(m)} m`;
  return m > 0 ? `${m} m ${two(s)} s` : `${s} s`;
}

/** How long something takes, which may be seconds or hours. */
export const lasting = (value) => (value < 10 ? duration(value) : span(value));

export const clock = (ms) => seconds.format(ms);
export const minute = (ms) => minutes.format(ms);
export const day = (ms) => days.format(ms);

/** The place a part has in a whole, where the whole is large enough to say something. */
export const shareOf = (part, all, least) => (all >= least ? share(part, all) : NONE);
