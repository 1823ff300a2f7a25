package jumun.peer.domain;

import static jumun.peer.domain.Action.Kind.BOOLEAN;
import static jumun.peer.domain.Action.Kind.FULFILMENT;
import static jumun.peer.domain.Action.Kind.INTEGER;
import static jumun.peer.domain.Action.Kind.LIABILITY;
import static jumun.peer.domain.Action.Kind.MONEY;
import static jumun.peer.domain.Action.Kind.TEXT;
import static jumun.peer.domain.Action.Kind.TIME;
import static jumun.peer.domain.Action.Kind.VERSION;

import jumun.peer.domain.Regions.Target;
import jumun.peer.json.Field;
import jumun.peer.json.JsonWriter;

/** What can happen (order-domain 1.2), and the information that comes with it. */
public enum Action {
    ORDER_CREATED("order.created", Target.order, need(TEXT, Field.STORE_ID), need(TEXT, Field.CATEGORY),
        need(TEXT, Field.SIDO), need(TEXT, Field.SIGUNGU), need(TEXT, Field.DONG), need(FULFILMENT, Field.FULFILMENT),
        need(MONEY, Field.AMOUNT), need(TEXT, Field.PAYMENT_METHOD), may(MONEY, Field.ITEMS_TOTAL),
        may(MONEY, Field.DELIVERY_FEE), may(MONEY, Field.DISCOUNT), may(TIME, Field.PROMISED_AT),
        may(TEXT, Field.CUSTOMER_ID)),
    PAYMENT_APPROVED("payment.approved", Target.payment, need(MONEY, Field.AMOUNT), may(TEXT, Field.METHOD)),
    PAYMENT_FAILED("payment.failed", Target.payment, may(TEXT, Field.CODE)),
    ORDER_RELAYED("order.relayed", Target.order, may(TEXT, Field.CHANNEL)),
    ORDER_ACCEPTED("order.accepted", Target.order, may(INTEGER, Field.COOK_MINUTES), may(TIME, Field.PROMISED_AT)),
    ORDER_REJECTED("order.rejected", Target.order, may(TEXT, Field.REASON)),
    ORDER_EXPIRED("order.expired", Target.order, may(INTEGER, Field.WAITED_SEC)),
    COOKING_STARTED("cooking.started", Target.order),
    COOKING_DELAYED("cooking.delayed", Target.order, may(INTEGER, Field.ADD_MINUTES), may(TIME, Field.PROMISED_AT)),
    COOKING_COMPLETED("cooking.completed", Target.order),
    DELIVERY_REQUESTED("delivery.requested", Target.delivery, may(TEXT, Field.DELIVERY_ID), may(TEXT, Field.INFO_TYPE),
        may(INTEGER, Field.DISTANCE_M)),
    DELIVERY_ASSIGNED("delivery.assigned", Target.delivery, may(TEXT, Field.RIDER_ID), may(TEXT, Field.MEANS),
        may(INTEGER, Field.ASSIGN_NO)),
    DELIVERY_UNASSIGNED("delivery.unassigned", Target.delivery, may(TEXT, Field.REASON)),
    DELIVERY_PICKUP_REQUESTED("delivery.pickup_requested", Target.delivery),
    DELIVERY_ARRIVED_STORE("delivery.arrived_store", Target.delivery),
    DELIVERY_PICKED_UP("delivery.picked_up", Target.delivery),
    DELIVERY_ARRIVED_CUSTOMER("delivery.arrived_customer", Target.delivery),
    DELIVERY_DELIVERED("delivery.delivered", Target.delivery, may(TEXT, Field.PROOF)),
    DELIVERY_FAILED("delivery.failed", Target.delivery, may(TEXT, Field.REASON)),
    DELIVERY_REDISPATCHED("delivery.redispatched", Target.delivery),
    DELIVERY_SWITCHED_TO_STORE("delivery.switched_to_store", Target.delivery),
    DELIVERY_RETURNED("delivery.returned", Target.delivery),
    DELIVERY_CANCELLED("delivery.cancelled", Target.delivery, may(TEXT, Field.REASON)),
    ORDER_HANDED_OVER("order.handed_over", Target.order),
    ORDER_CANCEL_REQUESTED("order.cancel_requested", Target.order, may(TEXT, Field.REASON)),
    ORDER_CANCEL_DECLINED("order.cancel_declined", Target.order, may(TEXT, Field.REASON)),
    ORDER_CANCELLED("order.cancelled", Target.order, may(TEXT, Field.REASON), may(LIABILITY, Field.LIABILITY)),
    PAYMENT_REFUNDED("payment.refunded", Target.payment, need(MONEY, Field.AMOUNT)),
    PAYMENT_PART_REFUNDED("payment.part_refunded", Target.payment, need(MONEY, Field.AMOUNT)),
    PAYMENT_REFUND_FAILED("payment.refund_failed", Target.payment, may(TEXT, Field.CODE)),
    CLAIM_POST_CANCELLED("claim.post_cancelled", Target.claim, may(TEXT, Field.REASON),
        may(LIABILITY, Field.LIABILITY), may(BOOLEAN, Field.OWNER_CONSENT)),
    CLAIM_WITHDRAWN("claim.withdrawn", Target.claim, may(BOOLEAN, Field.RECHARGE)),
    ORDER_ADDRESS_CHANGED("order.address_changed", null),
    ORDER_NOTE_ADDED("order.note_added", null),
    VERIFICATION_PASSED("verification.passed", null),
    VERIFICATION_FAILED("verification.failed", null),
    DELIVERY_ETA_UPDATED("delivery.eta_updated", null),
    AGGREGATE_RESET("aggregate.reset", null, need(VERSION, Field.INFO_VERSION));

    /** What a field of the information may hold. */
    public enum Kind {
        TEXT, MONEY, INTEGER, VERSION, TIME, BOOLEAN, FULFILMENT, LIABILITY
    }

    /** A field of an action's information. */
    public record Info(Kind kind, Field field, boolean isRequired) {
    }

    static final Names<Action> NAMES = new Names<>(values(), action -> action.json);

    public final byte[] json;
    /** The aggregate whose events they are; null for any. */
    public final Target target;
    final Info[] infos;

    Action(String name, Target target, Info... infos) {
        this.json = JsonWriter.ascii(name);
        this.target = target;
        this.infos = infos;
    }

    /** Rows 31 and 32 concern no delivery in particular. */
    boolean isAboutAnyDelivery() {
        return ordinal() >= ORDER_ADDRESS_CHANGED.ordinal();
    }

    boolean isRefund() {
        return this == PAYMENT_REFUNDED || this == PAYMENT_PART_REFUNDED;
    }

    public boolean isOfPayments() {
        return target == Target.payment;
    }

    private static Info need(Kind kind, Field field) {
        return new Info(kind, field, true);
    }

    private static Info may(Kind kind, Field field) {
        return new Info(kind, field, false);
    }
}
