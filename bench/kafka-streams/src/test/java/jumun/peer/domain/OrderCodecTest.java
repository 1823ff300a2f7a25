package jumun.peer.domain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import jumun.peer.domain.Judge.Verdict;
import jumun.peer.json.Field;

/** An order that was judged, stored and read again is judged on as if it had stayed in memory. */
class OrderCodecTest {
    private static final long NOON = 1_795_143_600_000L;
    private final Judge judge = new Judge();
    private final Event event = new Event();
    private final OrderCodec codec = new OrderCodec();

    private Verdict take(Order order, String id, String action, String target, String actor, int version, String info) {
        String text = "{\"id\":\"" + id + "\",\"target\":{\"type\":\"" + target.split("/")[0] + "\",\"id\":\"" + target
            + "\",\"orderNo\":\"B1\",\"version\":" + version + "},\"action\":\"" + action + "\",\"actor\":{\"type\":\""
            + actor + "\",\"id\":\"x\"},\"info\":" + info + ",\"time\":{\"occurredAt\":\"2026-11-20T12:00:00+09:00\"}}";
        assertNull(event.read("B1".getBytes(), text.getBytes(StandardCharsets.UTF_8), NOON));
        judge.at = Judge.eventTime(event.occurredAt, NOON, NOON);
        Verdict verdict = judge.examine(order, event, false, 0);
        if (!verdict.isParked()) {
            judge.carryOut(verdict, order, event, NOON, false);
        }
        return verdict;
    }

    private Order paid() {
        Order order = new Order();
        assertEquals(Verdict.PREMATURE, take(order, "e0", "order.cancelled", "order", "CUSTOMER", 2, "{}"));
        assertEquals(Verdict.LEGAL, take(order, "e1", "order.created", "order", "CUSTOMER", 1,
            "{\"storeId\":\"s\",\"category\":\"치킨\",\"sido\":\"서울\",\"sigungu\":\"g\",\"dong\":\"d\","
                + "\"fulfilment\":\"STORE\",\"amount\":12000,\"paymentMethod\":\"CARD\"}"));
        assertEquals(Verdict.PREDECESSOR, take(order, "e5", "delivery.requested", "delivery/1", "SYSTEM", 1, "{}"));
        assertEquals(Verdict.LEGAL, take(order, "e2", "payment.approved", "payment", "PG", 1, "{\"amount\":12000}"));
        return order;
    }

    @Test
    void aRowIsTheOrder() {
        Order order = paid();
        byte[] row = codec.encode(order);
        Order again = codec.decode(row);
        assertArrayEquals(row, codec.encode(again));
        Records records = new Records();
        assertArrayEquals(records.state(event.orderNo, order), records.state(event.orderNo, again));
        assertEquals("서울", new String(again.sido, StandardCharsets.UTF_8));
    }

    @Test
    void judgingGoesOnWhereItStood() {
        Order again = codec.decode(codec.encode(paid()));
        assertEquals(Verdict.DUPLICATE, take(again, "e1", "order.created", "order", "CUSTOMER", 1,
            "{\"storeId\":\"s\",\"category\":\"치킨\",\"sido\":\"서울\",\"sigungu\":\"g\",\"dong\":\"d\","
                + "\"fulfilment\":\"STORE\",\"amount\":12000,\"paymentMethod\":\"CARD\"}"));
        assertEquals(Verdict.CONFLICT, take(again, "e2", "payment.approved", "payment", "PG", 1, "{\"amount\":1}"));
        assertEquals(Verdict.GAP, take(again, "e4", "cooking.started", "order", "STORE", 4, "{}"));
        assertEquals(Verdict.LEGAL, take(again, "e0", "order.cancelled", "order", "CUSTOMER", 2, "{}"));
        assertEquals(Regions.Status.CANCELLED, again.status());
        assertEquals(Regions.Payment.REFUND_PENDING, again.payment);
        assertEquals(12000, event.json.has(Field.AMOUNT) ? -1 : again.paid);
    }
}
