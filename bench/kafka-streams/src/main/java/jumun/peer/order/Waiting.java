package jumun.peer.order;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

import jumun.peer.domain.Event;

/**
 * The parked events of a task. There are a hundred at most (4.1: max(64, 1 % of the last 10 000 records)), so all are in
 * memory, by order; the store only carries them over a restart.
 */
final class Waiting {
    private static final int PER_ORDER = 64;
    private static final int FEWEST_PER_TASK = 64;
    private static final long RECENT_RECORDS = 10_000;
    /** A row of the store beside the parked events: how many records were consumed, up to 10 000. */
    private static final Bytes CONSUMED = Bytes.wrap(new byte[] {0});

    private final KeyValueStore<Bytes, byte[]> store;
    private final Map<Bytes, List<Parked>> byOrder = new HashMap<>();
    private int count;
    private long arrivals;
    private long consumed;
    private boolean isCountStored = true;

    Waiting(KeyValueStore<Bytes, byte[]> store) {
        this.store = store;
        try (KeyValueIterator<Bytes, byte[]> rows = store.all()) {
            while (rows.hasNext()) {
                KeyValue<Bytes, byte[]> row = rows.next();
                if (row.key.equals(CONSUMED)) {
                    consumed = java.nio.ByteBuffer.wrap(row.value).getLong();
                } else {
                    insert(Parked.decode(row.value));
                }
            }
        }
    }

    void consumed() {
        if (consumed < RECENT_RECORDS) {
            consumed++;
            isCountStored = false;
        }
    }

    void flush() {
        if (!isCountStored) {
            store.put(CONSUMED, Parked.keyOf(consumed));
            isCountStored = true;
        }
    }

    boolean isEmpty() {
        return count == 0;
    }

    int count() {
        return count;
    }

    List<Parked> of(byte[] orderNo) {
        if (count == 0) {
            return List.of();
        }
        return byOrder.getOrDefault(Bytes.wrap(orderNo), List.of());
    }

    /** The parked event of the same id, unless it is {@code itself}. */
    Parked sameId(Event event, Parked itself) {
        for (Parked parked : of(event.orderNo)) {
            if (parked != itself && parked.idLow == event.idLow && parked.idHigh == event.idHigh) {
                return parked;
            }
        }
        return null;
    }

    boolean hasRoom(byte[] orderNo) {
        return of(orderNo).size() < PER_ORDER && count < Math.max(FEWEST_PER_TASK, consumed / 100);
    }

    long nextArrival() {
        return ++arrivals;
    }

    void park(Parked parked) {
        insert(parked);
        store.put(Bytes.wrap(Parked.keyOf(parked.arrival)), parked.encode());
    }

    void remove(Parked parked) {
        Bytes key = Bytes.wrap(parked.key);
        List<Parked> ofOrder = byOrder.get(key);
        ofOrder.remove(parked);
        if (ofOrder.isEmpty()) {
            byOrder.remove(key);
        }
        count--;
        store.delete(Bytes.wrap(Parked.keyOf(parked.arrival)));
    }

    /** Those whose time is over, in the order in which they are given up. */
    List<Parked> due(long now) {
        List<Parked> due = new ArrayList<>();
        byOrder.values().forEach(ofOrder -> ofOrder.stream().filter(parked -> parked.due <= now).forEach(due::add));
        due.sort((one, other) -> one.due != other.due ? Long.compare(one.due, other.due) : one.compareTurn(other));
        return due;
    }

    boolean holds(Parked parked) {
        return of(parked.key).contains(parked);
    }

    private void insert(Parked parked) {
        List<Parked> ofOrder = byOrder.computeIfAbsent(Bytes.wrap(parked.key), key -> new ArrayList<>(2));
        ofOrder.add(parked);
        ofOrder.sort(Parked::compareTurn);
        count++;
        arrivals = Math.max(arrivals, parked.arrival);
    }
}
