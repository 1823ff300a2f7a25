// Small help with elements. Text only ever enters as text.

/** An element with attributes and children; a child is an element or text. */
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
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export const korean = (text) => (text ? element('span', { lang: 'ko' }, text) : null);

export const byId = (id) => document.getElementById(id);

/** Replaces what is in an element only if it would look different, so that selections and screen readers are left alone. */
export function show(target, ...children) {
  const holder = document.createElement(target.localName);
  holder.append(...children.filter((child) => child !== undefined && child !== null));
  if (holder.innerHTML !== target.innerHTML) target.replaceChildren(...holder.childNodes);
}

/** A horizontal bar; a share between 0 and 1. */
export function bar(share, kind = '') {
  const width = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * 100;
  return svg('svg', { class: `bar ${kind}`, viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'track', width: 100, height: 6 }),
    svg('rect', { class: 'fill', width: width.toFixed(2), height: 6 }));
}
