// From an order number to its page.

export const addressOf = (orderNo) => `/orders/${encodeURIComponent(orderNo)}`;

export function search(form) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const orderNo = form.elements.order.value.trim();
    if (orderNo !== '') window.location.assign(addressOf(orderNo));
  });
}
