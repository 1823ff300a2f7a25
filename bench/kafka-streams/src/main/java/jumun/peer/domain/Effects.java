package jumun.peer.domain;

import java.util.Arrays;

import jumun.peer.domain.Regions.Actor;
import jumun.peer.domain.Regions.Claim;
import jumun.peer.domain.Regions.Delivery;
import jumun.peer.domain.Regions.Fulfilment;
import jumun.peer.domain.Regions.Kitchen;
import jumun.peer.domain.Regions.Main;
import jumun.peer.domain.Regions.Payment;
import jumun.peer.json.Field;
import jumun.peer.json.JsonWriter;

/** What a legal event does to regions, money, times and counters (order-domain 1.2, column 6). */
final class Effects {
    private static final byte[] CARD_AT_THE_DOOR = JsonWriter.ascii("PAY_ON_DELIVERY_CARD");
    private static final byte[] CASH_AT_THE_DOOR = JsonWriter.ascii("PAY_ON_DELIVERY_CASH");

    private Effects() {
    }

    /** Applies the event; true if READY was implied or skipped to. */
    static boolean apply(Order order, Event event, long at) {
        if (Lifecycle.isAfterCollection(order, event.action)) {
            afterCollection(order, event, at);
            return false;
        }
        boolean wasTerminal = order.main.isTerminal();
        boolean skipped = change(order, event, at);
        if (order.main.isTerminal() && !wasTerminal) {
            order.times[Order.CLOSED] = at;
        }
        return skipped;
    }

    private static boolean change(Order order, Event event, long at) {
        long[] times = order.times;
        switch (event.action) {
            case ORDER_CREATED -> create(order, event, at);
            case PAYMENT_APPROVED -> {
                order.payment = Payment.APPROVED;
                order.paid = event.amount();
                if (order.main == Main.CREATED) {
                    order.main = Main.PAID;
                    times[Order.PAID] = at;
                }
                if (order.main == Main.CANCELLED) {
                    order.payment = Payment.REFUND_PENDING;
                }
            }
            case PAYMENT_FAILED -> {
                order.payment = Payment.FAILED;
                if (order.main == Main.CREATED) {
                    order.main = Main.PAYMENT_FAILED;
                }
            }
            case ORDER_ACCEPTED -> {
                order.main = Main.ACCEPTED;
                times[Order.ACCEPTED] = at;
                promise(order, event);
            }
            case ORDER_REJECTED -> end(order, Main.REJECTED, event);
            case ORDER_EXPIRED -> end(order, Main.EXPIRED, event);
            case ORDER_CANCELLED -> end(order, Main.CANCELLED, event);
            case COOKING_STARTED -> {
                order.kitchen = Kitchen.COOKING;
                times[Order.COOKING] = at;
            }
            case COOKING_DELAYED -> promise(order, event);
            case COOKING_COMPLETED -> {
                boolean skips = order.kitchen == Kitchen.IDLE;
                if (order.kitchen != Kitchen.READY) {
                    order.kitchen = Kitchen.READY;
                    times[Order.READY] = at;
                }
                return skips;
            }
            case DELIVERY_REQUESTED -> request(order, at);
            case DELIVERY_ASSIGNED -> {
                order.delivery = Delivery.ASSIGNED;
                order.attempts++;
                times[Order.ASSIGNED] = at;
            }
            case DELIVERY_UNASSIGNED -> {
                request(order, at);
                order.reassigned++;
            }
            case DELIVERY_REDISPATCHED -> request(order, at);
            case DELIVERY_ARRIVED_STORE -> {
                order.delivery = Delivery.AT_STORE;
                times[Order.AT_STORE] = at;
            }
            case DELIVERY_PICKED_UP -> {
                order.delivery = Delivery.PICKED_UP;
                times[Order.PICKED_UP] = at;
                return implyReady(order);
            }
            case DELIVERY_ARRIVED_CUSTOMER -> order.delivery = Delivery.AT_CUSTOMER;
            case DELIVERY_DELIVERED -> {
                order.delivery = Delivery.DELIVERED;
                order.main = Main.COMPLETED;
                closeCancelRequest(order);
                times[Order.DELIVERED] = at;
            }
            case DELIVERY_FAILED -> order.delivery = Delivery.FAILED;
            case DELIVERY_RETURNED -> order.delivery = Delivery.RETURNED;
            case DELIVERY_CANCELLED -> order.delivery = Delivery.D_CANCELLED;
            case DELIVERY_SWITCHED_TO_STORE -> {
                order.fulfilment = Fulfilment.STORE;
                order.delivery = Delivery.NONE;
            }
            case ORDER_HANDED_OVER -> {
                order.main = Main.COMPLETED;
                closeCancelRequest(order);
                times[Order.HANDED_OVER] = at;
                return implyReady(order);
            }
            case ORDER_CANCEL_REQUESTED -> order.claim = Claim.CANCEL_REQUESTED;
            case ORDER_CANCEL_DECLINED -> order.claim = Claim.NONE;
            case PAYMENT_REFUNDED, PAYMENT_PART_REFUNDED -> {
                order.refunded += event.amount();
                order.payment = order.refunded == order.paid ? Payment.REFUNDED : Payment.PART_REFUNDED;
            }
            case PAYMENT_REFUND_FAILED -> order.payment = Payment.REFUND_FAILED;
            case CLAIM_POST_CANCELLED -> postCancel(order, event);
            case CLAIM_WITHDRAWN -> withdraw(order, event);
            default -> {
            }
        }
        return false;
    }

    private static void create(Order order, Event event, long at) {
        order.main = Main.CREATED;
        order.fulfilment = event.fulfilment();
        order.delivery = order.fulfilment == Fulfilment.PICKUP ? Delivery.NA : Delivery.NONE;
        order.times[Order.CREATED] = at;
        order.customerId = event.text(Field.CUSTOMER_ID);
        if (order.customerId == null && event.actor == Actor.CUSTOMER) {
            order.customerId = event.text(Field.ACTOR_ID);
        }
        order.storeId = event.text(Field.STORE_ID);
        order.category = event.text(Field.CATEGORY);
        order.sido = event.text(Field.SIDO);
        order.sigungu = event.text(Field.SIGUNGU);
        order.dong = event.text(Field.DONG);
        order.amount = event.amount();
        order.paymentMethod = event.text(Field.PAYMENT_METHOD);
        order.promisedAt = event.time(Field.PROMISED_AT);
        if (isPaidAtTheDoor(order)) {
            order.payment = Payment.OFFLINE;
            order.main = Main.PAID;
            order.times[Order.PAID] = at;
        }
    }

    /** The times are those of the current delivery. */
    private static void request(Order order, long at) {
        order.delivery = Delivery.REQUESTED;
        order.times[Order.ASSIGNED] = Order.NEVER;
        order.times[Order.AT_STORE] = Order.NEVER;
        order.times[Order.REQUESTED] = at;
    }

    private static void postCancel(Order order, Event event) {
        order.claim = Claim.POST_CANCELLED;
        order.paymentBeforeClaim = order.payment;
        if (order.payment == Payment.OFFLINE) {
            order.paid = order.amount;
        }
        if (order.payment == Payment.APPROVED || order.payment == Payment.PART_REFUNDED
            || order.payment == Payment.OFFLINE) {
            order.payment = Payment.REFUND_PENDING;
        }
        order.reason = event.reason;
        order.liability = event.liability;
    }

    private static void withdraw(Order order, Event event) {
        order.claim = Claim.WITHDRAWN;
        order.payment = order.paymentBeforeClaim;
        if (event.isRecharge()) {
            order.refunded = 0;
            order.payment = isPaidAtTheDoor(order) ? Payment.OFFLINE : Payment.APPROVED;
        }
    }

    /** Topic lag where the kitchen was earlier than the pick-up, else a button pressed late. */
    private static void afterCollection(Order order, Event event, long at) {
        if (at > order.collectedAt()) {
            order.flags |= Order.PRESSED_LATE;
            return;
        }
        switch (event.action) {
            case COOKING_STARTED -> fill(order, Order.COOKING, at);
            case COOKING_DELAYED -> promise(order, event);
            default -> {
                fill(order, Order.READY, at);
                order.readyImplied = false;
            }
        }
    }

    private static void fill(Order order, int milestone, long at) {
        if (order.times[milestone] == Order.NEVER) {
            order.times[milestone] = at;
        }
    }

    private static void promise(Order order, Event event) {
        long promisedAt = event.time(Field.PROMISED_AT);
        if (promisedAt != Order.NEVER) {
            order.promisedAt = promisedAt;
        }
    }

    private static boolean implyReady(Order order) {
        if (order.kitchen == Kitchen.READY) {
            return false;
        }
        order.kitchen = Kitchen.READY;
        order.readyImplied = true;
        return true;
    }

    private static void end(Order order, Main main, Event event) {
        order.main = main;
        closeCancelRequest(order);
        if (order.payment == Payment.APPROVED) {
            order.payment = Payment.REFUND_PENDING;
        }
        order.reason = event.reason;
        order.liability = event.liability;
    }

    private static void closeCancelRequest(Order order) {
        if (order.claim == Claim.CANCEL_REQUESTED) {
            order.claim = Claim.NONE;
        }
    }

    private static boolean isPaidAtTheDoor(Order order) {
        return Arrays.equals(order.paymentMethod, CARD_AT_THE_DOOR)
            || Arrays.equals(order.paymentMethod, CASH_AT_THE_DOOR);
    }
}
