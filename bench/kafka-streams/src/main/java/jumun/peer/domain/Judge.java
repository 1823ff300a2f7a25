package jumun.peer.domain;

import jumun.peer.domain.Regions.Claim;
import jumun.peer.domain.Regions.Delivery;
import jumun.peer.domain.Regions.Kitchen;
import jumun.peer.domain.Regions.Main;
import jumun.peer.domain.Regions.Payment;
import jumun.peer.domain.Regions.Status;
import jumun.peer.domain.Regions.Target;
import jumun.peer.json.Field;

/**
 * Steps 2 to 7 of order-domain 4.1 under the default policy: {@link #examine} says what should become of an event and
 * changes nothing, {@link #carryOut} does it. The results are in fields, so that nothing is allocated per event.
 */
public final class Judge {
    /** What should become of an event. */
    public enum Verdict {
        DUPLICATE, STALE, CONFLICT, REFUSED, GAP, PREDECESSOR, PREMATURE, UNKNOWN, ILLEGAL, LEGAL, NEXT_GENERATION;

        /** It is parked by the default policy. */
        public boolean isParked() {
            return this == GAP || this == PREDECESSOR;
        }
    }

    /** Why an event is rejected. */
    public enum Rejection {
        PREMATURE, SEQ_GAP, SEQ_GAP_TIMEOUT, AWAIT_PREDECESSOR, PREDECESSOR_TIMEOUT, PARK_LIMIT, EVENT_ID_CONFLICT,
        VERSION_CONFLICT, ORDER_ID_REUSE, REDRIVE_LIMIT, AFTER_TERMINAL, ILLEGAL_TRANSITION, ACTOR_NOT_ALLOWED,
        OVER_REFUND;

        public final byte[] json = Names.of(this);
    }

    /** What became of an event. */
    public enum Outcome {
        APPLIED, APPLIED_SKIP, ANNOTATED, DUPLICATE, STALE, PARKED, REJECTED, DLT;

        public final byte[] json = Names.of(this);
    }

    public static final int REDRIVE_LIMIT = 5;

    /** What headers ask for, and when it happened. */
    public long redrives;
    public boolean force;
    public long at;

    public Rejection rejection;
    public Outcome outcome;
    public Status from;
    public Main mainBefore;
    /** Something was consumed or applied: parked events are tried again. */
    public boolean orderChanged;
    /** The order is to be stored. */
    public boolean isDirty;

    /** What should become of the event now; {@code parkedHash} is that of a parked event of the same id, if there is one. */
    public Verdict examine(Order order, Event event, boolean isParkedAlready, long parkedHash) {
        rejection = null;
        boolean isKnown = event.action != null;
        if (isKnown && redrives > REDRIVE_LIMIT) {
            return refuse(Rejection.REDRIVE_LIMIT);
        }
        int remembered = order.memory.find(event);
        int place = order.deliveryOf(event);
        boolean forced = remembered >= 0 && isForced(order, remembered);
        if (remembered >= 0 || isParkedAlready) {
            long hash = remembered >= 0 ? order.memory.hash[remembered] : parkedHash;
            if (hash != event.json.contentHash()) {
                rejection = Rejection.EVENT_ID_CONFLICT;
                return Verdict.CONFLICT;
            }
            if (!forced) {
                return Verdict.DUPLICATE;
            }
        }
        if (!isKnown && (!order.exists() || event.version == 0)) {
            return Verdict.UNKNOWN;
        }
        long version = event.judgedVersion();
        if (version > 0 && !forced) {
            long last = order.lastVersion(event.target, place);
            if (version <= last) {
                if (event.action == Action.ORDER_CREATED) {
                    return reuse(order, event);
                }
                if (order.memory.knowsVersion(event.target, place, version)) {
                    rejection = Rejection.VERSION_CONFLICT;
                    return Verdict.CONFLICT;
                }
                return Verdict.STALE;
            }
            boolean isPrematureCancel = !order.exists() && event.action == Action.ORDER_CANCELLED;
            if (version > last + 1 && !isPrematureCancel) {
                rejection = Rejection.SEQ_GAP;
                return Verdict.GAP;
            }
        }
        return isKnown ? byTheMachine(order, event, place) : Verdict.UNKNOWN;
    }

    private boolean isForced(Order order, int remembered) {
        if (!force || !order.memory.isJudged(remembered)) {
            return false;
        }
        int what = order.memory.what[remembered];
        long applied = order.appliedVersion(Target.values()[what & 3], (what >> 3) - 1);
        long version = order.memory.version[remembered];
        return version == 0 || applied <= version;
    }

    /** Steps 5 to 7, by the precedence of 1.2. */
    private Verdict byTheMachine(Order order, Event event, int place) {
        boolean concernsCurrent = concernsCurrent(order, event, place);
        boolean isLegal = Lifecycle.isAfterCollection(order, event.action)
            || (concernsCurrent && Lifecycle.guardHolds(order, event, at));
        if (!isLegal) {
            if (!order.exists() && event.action == Action.ORDER_CANCELLED) {
                rejection = Rejection.PREMATURE;
                return Verdict.PREMATURE;
            }
            boolean afterDelivered = event.target == Target.delivery && order.delivery == Delivery.DELIVERED;
            if (order.main.isTerminal() && !Lifecycle.mainFits(order, event.action) && !afterDelivered) {
                return illegal(Rejection.AFTER_TERMINAL);
            }
            if (concernsCurrent && Lifecycle.awaitsAnother(order, event)) {
                rejection = Rejection.AWAIT_PREDECESSOR;
                return Verdict.PREDECESSOR;
            }
            if (order.exists()) {
                return illegal(Rejection.ILLEGAL_TRANSITION);
            }
            rejection = Rejection.PREMATURE;
            return Verdict.PREMATURE;
        }
        if (!Lifecycle.actorIsAllowed(order, event)) {
            return illegal(Rejection.ACTOR_NOT_ALLOWED);
        }
        return Lifecycle.isOverRefund(order, event) ? illegal(Rejection.OVER_REFUND) : Verdict.LEGAL;
    }

    /** E11: order.created for a number that has a record. */
    private Verdict reuse(Order order, Event event) {
        long closedAt = order.times[Order.CLOSED];
        boolean isOver = closedAt != Order.NEVER && at - closedAt >= Lifecycle.THIRTY_DAYS;
        if (event.version != 1 || !order.main.isTerminal() || !isOver) {
            return refuse(Rejection.ORDER_ID_REUSE);
        }
        return Lifecycle.actorIsAllowed(order, event) ? Verdict.NEXT_GENERATION
            : refuse(Rejection.ACTOR_NOT_ALLOWED);
    }

    private static boolean concernsCurrent(Order order, Event event, int place) {
        if (event.target != Target.delivery || event.action.isAboutAnyDelivery() || order.current < 0
            || order.current == place) {
            return true;
        }
        if (place >= 0 && order.deliveryFormer[place]) {
            return false;
        }
        return event.action == Action.DELIVERY_REQUESTED
            || (event.action == Action.DELIVERY_PICKED_UP && order.delivery == Delivery.NONE);
    }

    private Verdict refuse(Rejection why) {
        rejection = why;
        return Verdict.REFUSED;
    }

    private Verdict illegal(Rejection why) {
        rejection = why;
        return Verdict.ILLEGAL;
    }

    /** Carries a verdict out. An event that is too early is rejected here. */
    public void carryOut(Verdict verdict, Order order, Event event, long timestamp, boolean timedOut) {
        orderChanged = false;
        isDirty = false;
        outcome = Outcome.REJECTED;
        switch (verdict) {
            case DUPLICATE -> outcome = Outcome.DUPLICATE;
            case STALE -> {
                outcome = Outcome.STALE;
                answerGhost(order, event);
            }
            case CONFLICT -> answerGhost(order, event);
            case REFUSED -> {
            }
            case GAP -> rejection = timedOut ? Rejection.SEQ_GAP_TIMEOUT : Rejection.SEQ_GAP;
            case PREDECESSOR -> rejection = timedOut ? Rejection.PREDECESSOR_TIMEOUT : Rejection.AWAIT_PREDECESSOR;
            case PREMATURE -> {
                if (event.action == Action.ORDER_CANCELLED && !order.exists()) {
                    order.hasGhost = true;
                    order.ghostHigh = event.idHigh;
                    order.ghostLow = event.idLow;
                    isDirty = true;
                }
            }
            case UNKNOWN -> unknown(order, event, timestamp);
            case ILLEGAL -> reject(order, event, timestamp);
            case LEGAL -> apply(order, event, timestamp);
            case NEXT_GENERATION -> {
                long generation = order.generation;
                order.clear();
                order.generation = generation + 1;
                apply(order, event, timestamp);
            }
        }
    }

    private void apply(Order order, Event event, long timestamp) {
        from = order.status();
        mainBefore = order.main;
        Kitchen kitchen = order.kitchen;
        Delivery delivery = order.delivery;
        Payment payment = order.payment;
        Claim claim = order.claim;
        long refunded = order.refunded;
        boolean skipped = Effects.apply(order, event, at);
        boolean isSame = order.main == mainBefore && order.kitchen == kitchen && order.delivery == delivery
            && order.payment == payment && order.claim == claim && order.refunded == refunded;
        outcome = skipped ? Outcome.APPLIED_SKIP : isSame ? Outcome.ANNOTATED : Outcome.APPLIED;
        order.seq++;
        order.updatedAt = timestamp;
        if (at != event.occurredAt) {
            order.flags |= Order.BAD_TIME;
        }
        int place = placeOf(order, event);
        long version = event.judgedVersion();
        if (version > 0) {
            // A forced redrive moves nothing back.
            order.setLast(event.target, place, Math.max(version, order.lastVersion(event.target, place)));
            order.setApplied(event.target, place, Math.max(version, order.appliedVersion(event.target, place)));
        }
        if (event.action == Action.AGGREGATE_RESET) {
            long reset = event.json.unsigned(Field.INFO_VERSION);
            order.setLast(event.target, place, reset);
            order.setApplied(event.target, place, reset);
            order.flags |= Order.INCOMPLETE;
        }
        order.memory.remember(event, place, false);
        if (event.target == Target.delivery && !event.action.isAboutAnyDelivery() && order.current != place) {
            if (order.current >= 0) {
                order.deliveryFormer[order.current] = true;
            }
            order.current = place;
        }
        if (outcome != Outcome.ANNOTATED) {
            order.contradicted &= ~(1 << event.target.ordinal());
        }
        order.endGhost(event);
        orderChanged = true;
        isDirty = true;
    }

    /** The version exists at its owner, so it is consumed, and the order contradicts its owner. */
    private void reject(Order order, Event event, long timestamp) {
        if (!order.exists()) {
            return;
        }
        boolean leftOrArrived = event.action == Action.DELIVERY_PICKED_UP || event.action == Action.DELIVERY_DELIVERED;
        if (leftOrArrived && order.main == Main.CANCELLED) {
            order.flags |= Order.GHOST_DELIVERY;
        }
        if (event.judgedVersion() > 0) {
            consume(order, event);
            order.contradicted |= 1 << event.target.ordinal();
            orderChanged = true;
        }
        order.endGhost(event);
        order.updatedAt = timestamp;
        isDirty = true;
    }

    private void unknown(Order order, Event event, long timestamp) {
        outcome = Outcome.DLT;
        int remembered = order.memory.find(event);
        if (!order.exists() || event.version == 0 || remembered >= 0) {
            return;
        }
        consume(order, event);
        order.updatedAt = timestamp;
        orderChanged = true;
        isDirty = true;
    }

    private void consume(Order order, Event event) {
        int place = placeOf(order, event);
        long version = event.judgedVersion();
        order.setLast(event.target, place, Math.max(version, order.lastVersion(event.target, place)));
        order.memory.remember(event, place, true);
    }

    private void answerGhost(Order order, Event event) {
        if (order.exists() && order.hasGhost) {
            order.endGhost(event);
            isDirty = true;
        }
    }

    private static int placeOf(Order order, Event event) {
        int place = order.deliveryOf(event);
        return place < 0 && event.target == Target.delivery ? order.addDelivery(event.text(Field.TARGET_ID)) : place;
    }

    /** When it happened, unless the clock of the actor's system is a day ahead (E13). */
    public static long eventTime(long occurredAt, long timestamp, long now) {
        long day = 86_400_000L;
        if (occurredAt <= Math.min(timestamp, now) + day) {
            return occurredAt;
        }
        return timestamp <= now + day ? timestamp : now;
    }
}
