package jumun.peer.domain;

import static jumun.peer.json.JsonWriter.ascii;
import static jumun.peer.json.JsonWriter.name;

import jumun.peer.domain.Judge.Outcome;
import jumun.peer.json.Field;
import jumun.peer.json.JsonWriter;

/** The derived records of order-domain 2.7, with their fields in that order. */
public final class Records {
    private static final byte[] ORDER_NO = name("orderNo");
    private static final byte[] GENERATION = name("generation");
    private static final byte[] SEQ = name("seq");
    private static final byte[] EVENT_ID = name("eventId");
    private static final byte[] ACTION = name("action");
    private static final byte[] OUTCOME = name("outcome");
    private static final byte[] TARGET = name("target");
    private static final byte[] TYPE = name("type");
    private static final byte[] ID = name("id");
    private static final byte[] VERSION = name("version");
    private static final byte[] FROM = name("from");
    private static final byte[] TO = name("to");
    private static final byte[] ACTOR = name("actor");
    private static final byte[] REASON = name("reason");
    private static final byte[] LIABILITY = name("liability");
    private static final byte[] OCCURRED_AT = name("occurredAt");
    private static final byte[] RECORDED_AT = name("recordedAt");
    private static final byte[] REGIONS = name("regions");
    private static final byte[] MAIN = name("main");
    private static final byte[] KITCHEN = name("kitchen");
    private static final byte[] DELIVERY = name("delivery");
    private static final byte[] PAYMENT = name("payment");
    private static final byte[] CLAIM = name("claim");
    private static final byte[] ORDER = name("order");
    private static final byte[] DIMS = name("dims");
    private static final byte[] CUSTOMER_ID = name("customerId");
    private static final byte[] STORE_ID = name("storeId");
    private static final byte[] CATEGORY = name("category");
    private static final byte[] SIDO = name("sido");
    private static final byte[] SIGUNGU = name("sigungu");
    private static final byte[] DONG = name("dong");
    private static final byte[] FULFILMENT = name("fulfilment");
    private static final byte[] AMOUNT = name("amount");
    private static final byte[] REFUNDED = name("refunded");
    private static final byte[] PAYMENT_METHOD = name("paymentMethod");
    private static final byte[] PROMISED_AT = name("promisedAt");
    private static final byte[] HOLD = name("hold");
    private static final byte[] CONTRADICTED = name("contradicted");
    private static final byte[] REPLAY = name("replay");
    private static final byte[] STATUS = name("status");
    private static final byte[] VERSIONS = name("versions");
    private static final byte[] TIMES = name("times");
    private static final byte[] ATTEMPTS = name("attempts");
    private static final byte[] REASSIGNED = name("reassigned");
    private static final byte[] FLAGS = name("flags");
    private static final byte[] UPDATED_AT = name("updatedAt");
    private static final byte[] DETAIL = name("detail");
    private static final byte[] TOPIC = name("topic");
    private static final byte[] PARTITION = name("partition");
    private static final byte[] OFFSET = name("offset");
    private static final byte[] PARKED_MS = name("parkedMs");
    private static final byte[] EVENT = name("event");
    private static final byte[][] MILESTONES = {
        name("createdAt"), name("paidAt"), name("acceptedAt"), name("cookingAt"), name("readyAt"), name("requestedAt"),
        name("assignedAt"), name("atStoreAt"), name("pickedUpAt"), name("deliveredAt"), name("handedOverAt"),
        name("closedAt")};
    private static final byte[][] FLAG_NAMES = {
        ascii("\"incomplete\","), ascii("\"ghost_delivery\","), ascii("\"bad_time\","), ascii("\"pressed_late\",")};
    private static final byte[] CONTRADICTED_FLAG = ascii("\"contradicted\",");

    private final JsonWriter out = new JsonWriter();

    /** The order is as after the event. */
    public byte[] transition(Order order, Event event, Judge judge, boolean replay) {
        out.clear();
        out.open();
        out.text(ORDER_NO, event.orderNo);
        out.number(GENERATION, order.generation);
        out.number(SEQ, order.seq);
        written(EVENT_ID, event, Field.ID);
        out.plain(ACTION, event.action.json);
        out.plain(OUTCOME, judge.outcome.json);
        out.raw(TARGET);
        out.open();
        out.plain(TYPE, event.target.json);
        written(ID, event, Field.TARGET_ID);
        if (event.version > 0) {
            out.number(VERSION, event.version);
        }
        out.closeInner();
        out.plain(FROM, judge.from.json);
        out.plain(TO, order.status().json);
        out.raw(ACTOR);
        out.open();
        out.plain(TYPE, event.actor.json);
        if (event.json.has(Field.ACTOR_ID)) {
            written(ID, event, Field.ACTOR_ID);
        }
        out.closeInner();
        if (event.reason != null) {
            out.plain(REASON, event.reason.json);
        }
        if (event.liability != null) {
            out.plain(LIABILITY, event.liability.json);
        }
        out.time(OCCURRED_AT, judge.at);
        out.time(RECORDED_AT, event.recordedAt);
        regions(order);
        out.raw(DIMS);
        out.open();
        out.text(STORE_ID, order.storeId);
        dims(order);
        out.closeInner();
        out.number(AMOUNT, order.amount);
        out.bool(HOLD, order.hasGhost);
        out.bool(CONTRADICTED, order.isContradicted());
        out.bool(REPLAY, replay);
        out.close();
        return out.copy();
    }

    public byte[] state(byte[] orderNo, Order order) {
        out.clear();
        out.open();
        out.text(ORDER_NO, orderNo);
        out.number(GENERATION, order.generation);
        out.number(SEQ, order.seq);
        out.plain(STATUS, order.status().json);
        regions(order);
        versions(order);
        out.text(CUSTOMER_ID, order.customerId);
        out.text(STORE_ID, order.storeId);
        dims(order);
        out.number(AMOUNT, order.amount);
        out.number(REFUNDED, order.refunded);
        out.text(PAYMENT_METHOD, order.paymentMethod);
        if (order.promisedAt != Order.NEVER) {
            out.time(PROMISED_AT, order.promisedAt);
        }
        out.raw(TIMES);
        out.open();
        for (int milestone = 0; milestone < Order.MILESTONES; milestone++) {
            if (order.times[milestone] != Order.NEVER) {
                out.time(MILESTONES[milestone], order.times[milestone]);
            }
        }
        out.closeInner();
        out.number(ATTEMPTS, order.attempts);
        out.number(REASSIGNED, order.reassigned);
        if (order.reason != null) {
            out.plain(REASON, order.reason.json);
        }
        if (order.liability != null) {
            out.plain(LIABILITY, order.liability.json);
        }
        flags(order);
        out.time(UPDATED_AT, order.updatedAt);
        out.close();
        return out.copy();
    }

    /** {@code parkedMs} is negative if the event was not parked. The order is as after the event. */
    public byte[] rejection(Order order, Event event, Judge judge, String topic, int partition, long offset,
                            long parkedMs) {
        out.clear();
        out.open();
        out.text(ORDER_NO, event.orderNo);
        out.plain(REASON, judge.rejection.json);
        if (event.action != null) {
            out.plain(DETAIL, event.action.json);
        }
        out.plain(STATUS, order.status().json);
        if (order.exists()) {
            regions(order);
            versions(order);
        }
        out.plain(TOPIC, ascii(topic));
        out.number(PARTITION, partition);
        out.number(OFFSET, offset);
        if (parkedMs >= 0) {
            out.number(PARKED_MS, parkedMs);
        }
        out.raw(EVENT);
        out.raw(event.value);
        out.close();
        return out.copy();
    }

    private void written(byte[] name, Event event, Field field) {
        out.written(name, event.value, event.json.start(field), event.json.end(field));
    }

    private void dims(Order order) {
        out.text(CATEGORY, order.category);
        out.text(SIDO, order.sido);
        out.text(SIGUNGU, order.sigungu);
        out.text(DONG, order.dong);
        if (order.fulfilment != null) {
            out.plain(FULFILMENT, order.fulfilment.json);
        }
    }

    private void regions(Order order) {
        out.raw(REGIONS);
        out.open();
        out.plain(MAIN, order.main.json);
        out.plain(KITCHEN, order.kitchen.json);
        out.plain(DELIVERY, order.delivery.json);
        out.plain(PAYMENT, order.payment.json);
        out.plain(CLAIM, order.claim.json);
        out.closeInner();
    }

    private void versions(Order order) {
        out.raw(VERSIONS);
        out.open();
        version(ORDER, order.last[Regions.Target.order.ordinal()]);
        version(PAYMENT, order.last[Regions.Target.payment.ordinal()]);
        version(CLAIM, order.last[Regions.Target.claim.ordinal()]);
        if (order.deliveries > 0) {
            out.raw(DELIVERY);
            out.open();
            for (int place = 0; place < order.deliveries; place++) {
                out.string(order.deliveryIds[place]);
                out.put((byte) ':');
                out.digits(order.deliveryLast[place]);
                out.put((byte) ',');
            }
            out.closeInner();
        }
        out.closeInner();
    }

    private void version(byte[] name, long version) {
        if (version > 0) {
            out.number(name, version);
        }
    }

    private void flags(Order order) {
        out.raw(FLAGS);
        out.put((byte) '[');
        int empty = out.length();
        if (order.isContradicted()) {
            out.raw(CONTRADICTED_FLAG);
        }
        for (int flag = 0; flag < FLAG_NAMES.length; flag++) {
            if ((order.flags & 1 << flag) != 0) {
                out.raw(FLAG_NAMES[flag]);
            }
        }
        out.closeArray(empty);
    }

    /** Whether the outcome is told by a transition. */
    public static boolean isTransition(Outcome outcome) {
        return outcome.ordinal() <= Outcome.ANNOTATED.ordinal();
    }
}
