package jumun.peer.domain;

import java.util.Arrays;

import jumun.peer.domain.Regions.Claim;
import jumun.peer.domain.Regions.Delivery;
import jumun.peer.domain.Regions.Fulfilment;
import jumun.peer.domain.Regions.Kitchen;
import jumun.peer.domain.Regions.Liability;
import jumun.peer.domain.Regions.Main;
import jumun.peer.domain.Regions.Payment;
import jumun.peer.domain.Regions.Reason;
import jumun.peer.domain.Regions.Status;
import jumun.peer.domain.Regions.Target;
import jumun.peer.json.Times;

/** What is known of one order. Of an order that does not exist, main is NONE; it may have a ghost. */
public final class Order {
    public static final int CREATED = 0;
    public static final int PAID = 1;
    public static final int ACCEPTED = 2;
    public static final int COOKING = 3;
    public static final int READY = 4;
    public static final int REQUESTED = 5;
    public static final int ASSIGNED = 6;
    public static final int AT_STORE = 7;
    public static final int PICKED_UP = 8;
    public static final int DELIVERED = 9;
    public static final int HANDED_OVER = 10;
    public static final int CLOSED = 11;
    public static final int MILESTONES = 12;

    public static final int INCOMPLETE = 1;
    public static final int GHOST_DELIVERY = 2;
    public static final int BAD_TIME = 4;
    public static final int PRESSED_LATE = 8;

    /** No time. */
    public static final long NEVER = Times.INVALID;

    public long generation;
    public long seq;
    public Main main;
    public Kitchen kitchen;
    public Delivery delivery;
    public Payment payment;
    public Claim claim;
    public Payment paymentBeforeClaim;
    /** Last consumed and last applied version of order, payment and claim, by the ordinal of the target. */
    public final long[] last = new long[4];
    public final long[] applied = new long[4];
    /** The deliveries, in the order in which they were heard of. */
    public byte[][] deliveryIds = new byte[1][];
    public long[] deliveryLast = new long[1];
    public long[] deliveryApplied = new long[1];
    public boolean[] deliveryFormer = new boolean[1];
    public int deliveries;
    /** Place of the current delivery; −1 if there is none. */
    public int current;
    public byte[] customerId;
    public byte[] storeId;
    public byte[] category;
    public byte[] sido;
    public byte[] sigungu;
    public byte[] dong;
    public byte[] paymentMethod;
    public Fulfilment fulfilment;
    public long amount;
    public long paid;
    public long refunded;
    public long promisedAt;
    public final long[] times = new long[MILESTONES];
    public boolean readyImplied;
    public long attempts;
    public long reassigned;
    public Reason reason;
    public Liability liability;
    /** Bits of the targets whose last judged rejection no applied event has answered yet. */
    public int contradicted;
    public int flags;
    public boolean hasGhost;
    public long ghostHigh;
    public long ghostLow;
    public long updatedAt;
    public final Memory memory = new Memory();

    public Order() {
        clear();
        generation = 1;
    }

    /** Forgets everything but the generation. */
    void clear() {
        seq = 0;
        main = Main.NONE;
        kitchen = Kitchen.IDLE;
        delivery = Delivery.NONE;
        payment = Payment.NONE;
        claim = Claim.NONE;
        paymentBeforeClaim = Payment.NONE;
        Arrays.fill(last, 0);
        Arrays.fill(applied, 0);
        deliveries = 0;
        current = -1;
        customerId = null;
        storeId = null;
        category = null;
        sido = null;
        sigungu = null;
        dong = null;
        paymentMethod = null;
        fulfilment = null;
        amount = 0;
        paid = 0;
        refunded = 0;
        promisedAt = NEVER;
        Arrays.fill(times, NEVER);
        readyImplied = false;
        attempts = 0;
        reassigned = 0;
        reason = null;
        liability = null;
        contradicted = 0;
        flags = 0;
        hasGhost = false;
        updatedAt = 0;
        memory.clear();
    }

    public boolean exists() {
        return main != Main.NONE;
    }

    /** There is something to be kept. */
    public boolean isWorthKeeping() {
        return exists() || hasGhost;
    }

    public boolean isContradicted() {
        return contradicted != 0 || hasGhost;
    }

    long collectedAt() {
        return times[PICKED_UP] != NEVER ? times[PICKED_UP] : times[HANDED_OVER];
    }

    public void endGhost(Event event) {
        if (hasGhost && ghostHigh == event.idHigh && ghostLow == event.idLow) {
            hasGhost = false;
        }
    }

    /** Place of the event's delivery; −1 if it was never heard of, or the event is of another aggregate. */
    int deliveryOf(Event event) {
        if (event.target != Target.delivery) {
            return -1;
        }
        byte[] id = null;
        for (int place = 0; place < deliveries; place++) {
            id = id == null ? event.text(jumun.peer.json.Field.TARGET_ID) : id;
            if (Arrays.equals(deliveryIds[place], id)) {
                return place;
            }
        }
        return -1;
    }

    int addDelivery(byte[] id) {
        if (deliveries == deliveryIds.length) {
            deliveryIds = Arrays.copyOf(deliveryIds, deliveries + 2);
            deliveryLast = Arrays.copyOf(deliveryLast, deliveries + 2);
            deliveryApplied = Arrays.copyOf(deliveryApplied, deliveries + 2);
            deliveryFormer = Arrays.copyOf(deliveryFormer, deliveries + 2);
        }
        deliveryIds[deliveries] = id;
        deliveryLast[deliveries] = 0;
        deliveryApplied[deliveries] = 0;
        deliveryFormer[deliveries] = false;
        return deliveries++;
    }

    long lastVersion(Target target, int place) {
        if (target == Target.delivery) {
            return place < 0 ? 0 : deliveryLast[place];
        }
        return last[target.ordinal()];
    }

    long appliedVersion(Target target, int place) {
        if (target == Target.delivery) {
            return place < 0 ? 0 : deliveryApplied[place];
        }
        return applied[target.ordinal()];
    }

    void setLast(Target target, int place, long version) {
        if (target == Target.delivery) {
            deliveryLast[place] = version;
        } else {
            last[target.ordinal()] = version;
        }
    }

    void setApplied(Target target, int place, long version) {
        if (target == Target.delivery) {
            deliveryApplied[place] = version;
        } else {
            applied[target.ordinal()] = version;
        }
    }

    /** The display status: the first line of 1.1 that matches. */
    public Status status() {
        switch (main) {
            case NONE:
                return Status.NONE;
            case PAYMENT_FAILED:
                return Status.PAYMENT_FAILED;
            case REJECTED:
                return Status.REJECTED;
            case EXPIRED:
                return Status.EXPIRED;
            case CANCELLED:
                return Status.CANCELLED;
            default:
        }
        if (claim == Claim.POST_CANCELLED) {
            return Status.POST_CANCELLED;
        }
        if (delivery == Delivery.DELIVERED || main == Main.COMPLETED) {
            return Status.COMPLETED;
        }
        switch (delivery) {
            case RETURNED:
                return Status.RETURNED;
            case FAILED:
                return Status.FAILED;
            case PICKED_UP, AT_CUSTOMER:
                return Status.DELIVERING;
            default:
        }
        if (kitchen != Kitchen.IDLE) {
            return kitchen == Kitchen.READY ? Status.READY : Status.COOKING;
        }
        return main == Main.ACCEPTED ? Status.ACCEPTED : main == Main.PAID ? Status.WAITING_ACCEPT : Status.PAYMENT_WAIT;
    }
}
