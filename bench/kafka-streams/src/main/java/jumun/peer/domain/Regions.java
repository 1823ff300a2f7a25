package jumun.peer.domain;

/** The orthogonal regions of an order, and what is derived from them (order-domain 1.1). */
public final class Regions {
    private Regions() {
    }

    public enum Main {
        NONE, CREATED, PAID, ACCEPTED, COMPLETED, REJECTED, EXPIRED, CANCELLED, PAYMENT_FAILED;

        public final byte[] json = Names.of(this);

        public boolean isTerminal() {
            return ordinal() >= COMPLETED.ordinal();
        }
    }

    public enum Kitchen {
        IDLE, COOKING, READY;

        public final byte[] json = Names.of(this);
    }

    public enum Delivery {
        NONE, NA, REQUESTED, ASSIGNED, AT_STORE, PICKED_UP, AT_CUSTOMER, DELIVERED, FAILED, RETURNED, D_CANCELLED;

        public final byte[] json = Names.of(this);
    }

    public enum Payment {
        NONE, OFFLINE, APPROVED, FAILED, REFUND_PENDING, PART_REFUNDED, REFUNDED, REFUND_FAILED;

        public final byte[] json = Names.of(this);
    }

    public enum Claim {
        NONE, CANCEL_REQUESTED, POST_CANCELLED, WITHDRAWN;

        public final byte[] json = Names.of(this);
    }

    public enum Status {
        NONE, PAYMENT_FAILED, REJECTED, EXPIRED, CANCELLED, POST_CANCELLED, COMPLETED, RETURNED, FAILED, DELIVERING,
        READY, COOKING, ACCEPTED, WAITING_ACCEPT, PAYMENT_WAIT;

        public final byte[] json = Names.of(this);
    }

    public enum Fulfilment {
        BAEMIN_SINGLE, BAEMIN_BUNDLE, STORE, PICKUP;

        public final byte[] json = Names.of(this);
        static final Names<Fulfilment> NAMES = new Names<>(values(), value -> value.json);
    }

    public enum Target {
        order, payment, delivery, claim;

        public final byte[] json = Names.of(this);
        static final Names<Target> NAMES = new Names<>(values(), value -> value.json);
    }

    public enum Actor {
        CUSTOMER, STORE, RIDER, DISPATCH, CS, SYSTEM, PG;

        public final byte[] json = Names.of(this);
        static final Names<Actor> NAMES = new Names<>(values(), value -> value.json);
    }

    public enum Liability {
        CUSTOMER, STORE, RIDER, PLATFORM;

        public final byte[] json = Names.of(this);
        static final Names<Liability> NAMES = new Names<>(values(), value -> value.json);
    }

    public enum Reason {
        CHANGED_MIND, SOLD_OUT, STORE_CLOSED, STORE_BUSY, OUT_OF_AREA, NO_RIDER, COOK_DELAY, DELIVERY_DELAY,
        CUSTOMER_UNREACHABLE, ACCIDENT, DAMAGED, WRONG_OR_MISSING, FOREIGN_MATTER, DUPLICATE_ORDER, PAYMENT_ERROR,
        VALIDATION_FAILED, SYSTEM_FAILURE, WEATHER, OTHER;

        public final byte[] json = Names.of(this);
        static final Names<Reason> NAMES = new Names<>(values(), value -> value.json);
    }
}
