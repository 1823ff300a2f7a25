package jumun.peer.domain;

import static jumun.peer.domain.Regions.Actor.CS;
import static jumun.peer.domain.Regions.Actor.CUSTOMER;
import static jumun.peer.domain.Regions.Actor.DISPATCH;
import static jumun.peer.domain.Regions.Actor.PG;
import static jumun.peer.domain.Regions.Actor.RIDER;
import static jumun.peer.domain.Regions.Actor.STORE;
import static jumun.peer.domain.Regions.Actor.SYSTEM;

import jumun.peer.domain.Regions.Actor;
import jumun.peer.domain.Regions.Claim;
import jumun.peer.domain.Regions.Delivery;
import jumun.peer.domain.Regions.Fulfilment;
import jumun.peer.domain.Regions.Kitchen;
import jumun.peer.domain.Regions.Main;
import jumun.peer.domain.Regions.Payment;
import jumun.peer.domain.Regions.Target;

/** Guards and actors of order-domain 1.2 and 1.3, and what is waited for. */
final class Lifecycle {
    static final long THIRTY_DAYS = 30L * 24 * 60 * 60 * 1000;

    private Lifecycle() {
    }

    /** 8, 9 and 10 once the food has left the store: outcomes win over guard and effect. */
    static boolean isAfterCollection(Order order, Action action) {
        return (action == Action.COOKING_STARTED || action == Action.COOKING_DELAYED
            || action == Action.COOKING_COMPLETED) && (order.main == Main.ACCEPTED || order.main == Main.COMPLETED)
            && order.collectedAt() != Order.NEVER;
    }

    /** The guard's condition on main. */
    static boolean mainFits(Order order, Action action) {
        Main main = order.main;
        return switch (action) {
            case ORDER_CREATED -> main == Main.NONE;
            case PAYMENT_APPROVED, ORDER_ADDRESS_CHANGED, ORDER_NOTE_ADDED, VERIFICATION_PASSED, VERIFICATION_FAILED,
                DELIVERY_ETA_UPDATED, AGGREGATE_RESET -> main != Main.NONE;
            case PAYMENT_FAILED -> main == Main.CREATED || main == Main.CANCELLED;
            case ORDER_RELAYED, ORDER_ACCEPTED, ORDER_REJECTED, ORDER_EXPIRED -> main == Main.PAID;
            case COOKING_STARTED, COOKING_DELAYED, DELIVERY_REQUESTED, DELIVERY_ASSIGNED, DELIVERY_PICKED_UP,
                DELIVERY_DELIVERED, ORDER_HANDED_OVER -> main == Main.ACCEPTED;
            case COOKING_COMPLETED -> main == Main.ACCEPTED || main == Main.COMPLETED;
            case ORDER_CANCEL_REQUESTED -> main == Main.PAID || main == Main.ACCEPTED;
            case ORDER_CANCELLED -> main == Main.CREATED || main == Main.PAID || main == Main.ACCEPTED;
            case CLAIM_POST_CANCELLED -> main == Main.COMPLETED;
            default -> true;
        };
    }

    static boolean guardHolds(Order order, Event event, long at) {
        return mainFits(order, event.action) && ownCondition(order, event, at);
    }

    private static boolean ownCondition(Order order, Event event, long at) {
        Delivery delivery = order.delivery;
        return switch (event.action) {
            case PAYMENT_APPROVED, PAYMENT_FAILED -> order.payment == Payment.NONE;
            case COOKING_STARTED -> order.kitchen == Kitchen.IDLE;
            case COOKING_DELAYED -> order.kitchen != Kitchen.READY;
            case DELIVERY_REQUESTED -> delivery == Delivery.NONE || delivery == Delivery.D_CANCELLED;
            case DELIVERY_ASSIGNED -> delivery == Delivery.REQUESTED;
            case DELIVERY_UNASSIGNED, DELIVERY_PICKUP_REQUESTED -> isWithRider(delivery);
            case DELIVERY_ARRIVED_STORE -> delivery == Delivery.ASSIGNED;
            case DELIVERY_PICKED_UP -> isWithRider(delivery) || ((delivery == Delivery.NONE
                || delivery == Delivery.REQUESTED) && order.fulfilment == Fulfilment.STORE);
            case DELIVERY_ARRIVED_CUSTOMER -> delivery == Delivery.PICKED_UP;
            case DELIVERY_DELIVERED -> isUnderWay(delivery);
            case DELIVERY_FAILED -> isWithRider(delivery) || isUnderWay(delivery);
            case DELIVERY_REDISPATCHED, DELIVERY_RETURNED -> delivery == Delivery.FAILED;
            case DELIVERY_SWITCHED_TO_STORE -> delivery == Delivery.REQUESTED || delivery == Delivery.D_CANCELLED
                || delivery == Delivery.FAILED;
            case DELIVERY_CANCELLED -> delivery == Delivery.REQUESTED || isWithRider(delivery) || isUnderWay(delivery);
            case ORDER_HANDED_OVER -> order.fulfilment == Fulfilment.PICKUP;
            case ORDER_CANCEL_REQUESTED -> cancelMayBeRequested(delivery);
            case ORDER_CANCEL_DECLINED -> order.claim == Claim.CANCEL_REQUESTED;
            case ORDER_CANCELLED -> delivery != Delivery.DELIVERED;
            // After REFUNDED any refund is one too many, which is OVER_REFUND and not the guard's matter.
            case PAYMENT_REFUNDED, PAYMENT_PART_REFUNDED -> switch (order.payment) {
                case APPROVED, REFUND_PENDING, PART_REFUNDED, REFUND_FAILED, REFUNDED -> true;
                default -> false;
            };
            case PAYMENT_REFUND_FAILED -> order.payment == Payment.REFUND_PENDING
                || order.payment == Payment.PART_REFUNDED;
            case CLAIM_POST_CANCELLED -> {
                long closedAt = order.times[Order.CLOSED] == Order.NEVER ? at : order.times[Order.CLOSED];
                yield (order.claim == Claim.NONE || order.claim == Claim.WITHDRAWN) && at - closedAt <= THIRTY_DAYS;
            }
            case CLAIM_WITHDRAWN -> order.claim == Claim.POST_CANCELLED
                && (order.payment != Payment.REFUNDED || event.isRecharge());
            default -> true;
        };
    }

    private static boolean isWithRider(Delivery delivery) {
        return delivery == Delivery.ASSIGNED || delivery == Delivery.AT_STORE;
    }

    private static boolean isUnderWay(Delivery delivery) {
        return delivery == Delivery.PICKED_UP || delivery == Delivery.AT_CUSTOMER;
    }

    private static boolean cancelMayBeRequested(Delivery delivery) {
        return switch (delivery) {
            case NA, NONE, REQUESTED, ASSIGNED, AT_STORE, D_CANCELLED -> true;
            default -> false;
        };
    }

    /**
     * Whether events of other aggregates alone can still make the failing guard true: step 5 of 4.1, as the answers of
     * a search over all that the others can do from here.
     */
    static boolean awaitsAnother(Order order, Event event) {
        Main main = order.main;
        if (main == Main.NONE) {
            return event.target != Target.order && awaitsAnything(event.action);
        }
        return switch (event.action) {
            case ORDER_RELAYED, ORDER_ACCEPTED, ORDER_REJECTED, ORDER_EXPIRED -> main == Main.CREATED;
            case ORDER_CANCEL_REQUESTED -> main == Main.CREATED && cancelMayBeRequested(order.delivery);
            case DELIVERY_REQUESTED -> (main == Main.CREATED || main == Main.PAID)
                && (order.delivery == Delivery.NONE || order.delivery == Delivery.D_CANCELLED);
            case DELIVERY_PICKED_UP -> (main == Main.CREATED || main == Main.PAID)
                && (isWithRider(order.delivery) || (order.fulfilment == Fulfilment.STORE
                    && (order.delivery == Delivery.NONE || order.delivery == Delivery.REQUESTED)));
            case CLAIM_POST_CANCELLED -> !isWithin(order) && order.claim != Claim.POST_CANCELLED && canComplete(order);
            case PAYMENT_REFUNDED, PAYMENT_PART_REFUNDED -> order.payment == Payment.OFFLINE && canComplete(order);
            case PAYMENT_REFUND_FAILED -> switch (order.payment) {
                // A cancel asks the money back too, not only a claim.
                case APPROVED -> main == Main.PAID || main == Main.ACCEPTED
                    || (main == Main.COMPLETED && order.claim != Claim.POST_CANCELLED);
                case OFFLINE -> order.claim != Claim.POST_CANCELLED && canComplete(order);
                case REFUNDED, REFUND_FAILED -> canComplete(order);
                default -> false;
            };
            default -> false;
        };
    }

    /** Completed, so that only the period of claims can be what fails. */
    private static boolean isWithin(Order order) {
        return order.main == Main.COMPLETED && (order.claim == Claim.NONE || order.claim == Claim.WITHDRAWN);
    }

    private static boolean awaitsAnything(Action action) {
        return switch (action) {
            case PAYMENT_APPROVED, PAYMENT_FAILED, ORDER_RELAYED, ORDER_ACCEPTED, ORDER_REJECTED, ORDER_EXPIRED,
                DELIVERY_REQUESTED, DELIVERY_PICKED_UP, ORDER_CANCEL_REQUESTED, PAYMENT_REFUNDED,
                PAYMENT_PART_REFUNDED, PAYMENT_REFUND_FAILED, CLAIM_POST_CANCELLED, ORDER_ADDRESS_CHANGED,
                ORDER_NOTE_ADDED, VERIFICATION_PASSED, VERIFICATION_FAILED, DELIVERY_ETA_UPDATED, AGGREGATE_RESET
                -> true;
            default -> false;
        };
    }

    /** Whether the order is completed or can still be, by whatever its other aggregates do. */
    private static boolean canComplete(Order order) {
        return switch (order.main) {
            case COMPLETED, CREATED, PAID -> true;
            case ACCEPTED -> order.delivery != Delivery.RETURNED;
            default -> false;
        };
    }

    static boolean isOverRefund(Order order, Event event) {
        return event.action.isRefund()
            && (order.payment == Payment.REFUNDED || order.refunded + event.amount() > order.paid);
    }

    /** Column 4 of 1.2 and the table of 1.3. */
    static boolean actorIsAllowed(Order order, Event event) {
        Actor actor = event.actor;
        return switch (event.action) {
            case ORDER_CREATED -> actor == CUSTOMER;
            case PAYMENT_APPROVED, PAYMENT_FAILED, PAYMENT_REFUNDED, PAYMENT_PART_REFUNDED, PAYMENT_REFUND_FAILED
                -> actor == PG;
            case ORDER_RELAYED, ORDER_EXPIRED, DELIVERY_REQUESTED -> actor == SYSTEM;
            case ORDER_ACCEPTED, COOKING_STARTED -> actor == STORE || actor == SYSTEM;
            case ORDER_REJECTED, COOKING_DELAYED, COOKING_COMPLETED, ORDER_HANDED_OVER -> actor == STORE;
            case DELIVERY_ASSIGNED -> actor == DISPATCH || actor == RIDER;
            case DELIVERY_UNASSIGNED -> actor == RIDER || actor == CS || actor == DISPATCH;
            case DELIVERY_PICKUP_REQUESTED -> actor == DISPATCH;
            case DELIVERY_ARRIVED_STORE, DELIVERY_ARRIVED_CUSTOMER, DELIVERY_RETURNED -> actor == RIDER;
            case DELIVERY_PICKED_UP -> actor == RIDER || (actor == STORE && order.fulfilment == Fulfilment.STORE);
            case DELIVERY_DELIVERED -> actor == RIDER || actor == STORE;
            case DELIVERY_FAILED -> actor == RIDER || actor == CS;
            case DELIVERY_REDISPATCHED -> actor == CS || actor == DISPATCH;
            case DELIVERY_SWITCHED_TO_STORE, ORDER_CANCEL_DECLINED -> actor == STORE || actor == CS;
            case DELIVERY_CANCELLED -> actor == CS || (actor == SYSTEM && !isUnderWay(order.delivery));
            case ORDER_CANCEL_REQUESTED -> actor == CUSTOMER || actor == STORE;
            case ORDER_CANCELLED -> mayCancel(order, event);
            case CLAIM_POST_CANCELLED, CLAIM_WITHDRAWN -> actor == CS;
            case AGGREGATE_RESET -> actor == CS || actor == SYSTEM;
            default -> true;
        };
    }

    private static boolean mayCancel(Order order, Event event) {
        Actor actor = event.actor;
        return switch (order.status()) {
            case PAYMENT_WAIT, WAITING_ACCEPT -> actor == CUSTOMER || actor == CS || actor == SYSTEM;
            case ACCEPTED, COOKING, READY -> actor == CS || actor == SYSTEM || (actor == STORE && event.givesReason());
            default -> actor == CS;
        };
    }
}
