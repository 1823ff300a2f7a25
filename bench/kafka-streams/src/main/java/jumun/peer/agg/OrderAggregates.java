package jumun.peer.agg;

import static jumun.peer.json.JsonWriter.ascii;

import jumun.peer.domain.Action;
import jumun.peer.domain.Event;
import jumun.peer.domain.Judge;
import jumun.peer.domain.Judge.Outcome;
import jumun.peer.domain.Order;
import jumun.peer.domain.Regions.Main;

/** What an applied event counts for: A1, A2, A3 and A5 of order-domain 3.1, per minute. */
public final class OrderAggregates {
    private static final byte[] CREATED = ascii("orders_created");
    private static final byte[] PAID = ascii("orders_paid");
    private static final byte[] TRANSITIONS = ascii("transitions");
    private static final byte[] TERMINAL = ascii("terminal");
    private static final byte[] UNKNOWN = ascii("unknown");
    private static final long TOLERATED_LEAD = 5_000;

    private OrderAggregates() {
    }

    /** The order is as after the event. */
    public static void add(Partials partials, Order order, Event event, Judge judge, long timestamp) {
        if (judge.outcome == Outcome.ANNOTATED) {
            return;
        }
        // A clock that runs ahead does not choose the window (E13).
        long countsAt = judge.at > timestamp + TOLERATED_LEAD ? timestamp : judge.at;
        long window = Math.floorDiv(countsAt, Packed.MINUTE) * Packed.MINUTE;
        byte[] sido = known(order.sido);
        if (event.action == Action.ORDER_CREATED) {
            partials.begin(CREATED).dim(sido).dim(known(order.category)).add(window);
        }
        if (order.main == Main.PAID && judge.mainBefore != Main.PAID) {
            partials.begin(PAID).dim(sido).dim(known(order.category)).add(window);
        }
        partials.begin(TRANSITIONS).dim(sido).dim(judge.from.json).dim(order.status().json).dim(event.actor.json)
            .add(window);
        if (order.main.isTerminal() && !judge.mainBefore.isTerminal()) {
            partials.begin(TERMINAL).dim(sido).dim(known(order.category)).dim(order.main.json)
                .dim(event.reason == null ? null : event.reason.json)
                .dim(event.liability == null ? null : event.liability.json).add(window);
        }
    }

    private static byte[] known(byte[] value) {
        return value == null || value.length == 0 ? UNKNOWN : value;
    }
}
