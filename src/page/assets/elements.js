// Small help with elements. Text only ever enters as text.

import { addressOf } from './search.js';

const present = (children) => children.flat(Infinity).filter((child) => child !== undefined && child !== null);

/** An element with attributes and children; a child is an element, text, or a list of such. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  return filled(made, attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  return filled(made, attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...present(children));
  return made;
}

export const korean = (text) => (text ? element('span', { lang: 'ko' }, text) : null);

export const byId = (id) => document.getElementById(id);

/** Replaces what is in an element only if it would look different, so that selections and screen readers are left alone. */
export function show(target, ...children) {
  const holder = document.createElement(target.localName);
  holder.append(...present(children));
  if (holder.innerHTML !== target.innerHTML) target.replaceChildren(...holder.childNodes);
}

const drawn = new WeakMap();

/** Replaces those of an element's parts that were drawn otherwise before: what the reader has opened in others stays so. */
export function showParts(target, parts) {
  const next = present(parts);
  next.forEach((part) => drawn.set(part, part.outerHTML));
  if (next.length !== target.children.length) {
    target.replaceChildren(...next);
    return;
  }
  [...target.children].forEach((old, index) => {
    if (drawn.get(old) !== drawn.get(next[index])) old.replaceWith(next[index]);
  });
}

/** A horizontal bar; a share between 0 and 1. */
export function bar(share, kind = '') {
  const width = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * 100;
  return svg('svg', { class: `bar ${kind}`, viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'track', width: 100, height: 6 }),
    svg('rect', { class: 'fill', width: width.toFixed(2), height: 6 }));
}

/** What is called something in English and in Korean. */
export const both = ([english, inKorean]) => [english, ' ', korean(inKorean)];

export const note = (...children) => element('p', { class: 'note' }, ...children);

export const tag = (level, english, inKorean) => element('span', { class: 'tag', 'data-level': level }, english, ' ', korean(inKorean));

/** The head of a table: names in English and Korean, those from `numbers` on over numbers. */
export const head = (names, numbers = names.length) => element('thead', {}, element('tr', {}, ...names.map((name, index) =>
  element('th', { scope: 'col', class: index >= numbers ? 'number' : undefined }, ...both(name)))));

/** An order's number leads to its page; one that was cut leads nowhere. */
export const orderLink = (orderNo) => (orderNo.length < 200
  ? element('a', { class: 'code', href: addressOf(orderNo) }, orderNo)
  : element('span', { class: 'code' }, orderNo));
