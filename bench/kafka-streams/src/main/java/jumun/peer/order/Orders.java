package jumun.peer.order;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;

import jumun.peer.domain.Order;
import jumun.peer.domain.OrderCodec;

/**
 * The orders of a task. With a write-back cache, decoded orders are kept between records, and what changed is encoded,
 * stored and logged once per commit; without, every record reads and writes the store.
 */
final class Orders {
    /** An order in memory. */
    static final class Entry {
        final Bytes key;
        Order order;
        boolean isDirty;
        /** Of the last event that changed it. */
        Headers headers;
        long timestamp;

        Entry(Bytes key, Order order) {
            this.key = key;
            this.order = order;
        }
    }

    /** Told of every order that is written. */
    interface Told {
        void state(Entry entry);
    }

    private final KeyValueStore<Bytes, byte[]> store;
    private final OrderCodec codec = new OrderCodec();
    private final Told told;
    private final int capacity;
    private final Map<Bytes, Entry> cache;
    private final List<Entry> dirty = new ArrayList<>();

    /** A capacity of 0 means no cache of our own. */
    Orders(KeyValueStore<Bytes, byte[]> store, int capacity, Told told) {
        this.store = store;
        this.capacity = capacity;
        this.told = told;
        this.cache = new LinkedHashMap<>(capacity * 2, 0.75f, true);
    }

    /** The order of that number; one that does not exist if nothing is known of it. */
    Entry get(byte[] orderNo) {
        Bytes key = Bytes.wrap(orderNo);
        if (capacity == 0) {
            return load(key);
        }
        Entry entry = cache.get(key);
        if (entry == null) {
            entry = load(key);
            cache.put(key, entry);
        }
        return entry;
    }

    private Entry load(Bytes key) {
        byte[] row = store.get(key);
        return new Entry(key, row == null ? new Order() : codec.decode(row));
    }

    /** The order changed by the event with these headers. */
    void changed(Entry entry, Headers headers, long timestamp) {
        entry.headers = headers;
        entry.timestamp = timestamp;
        if (capacity == 0) {
            write(entry);
        } else if (!entry.isDirty) {
            entry.isDirty = true;
            dirty.add(entry);
        }
    }

    /** Before a commit: writes what changed since the last one, and forgets what was not used for long. */
    void flush() {
        for (Entry entry : dirty) {
            write(entry);
            entry.isDirty = false;
            entry.headers = null;
        }
        dirty.clear();
        int surplus = cache.size() - capacity;
        Iterator<Entry> eldest = cache.values().iterator();
        for (; surplus > 0; surplus--) {
            eldest.next();
            eldest.remove();
        }
    }

    private void write(Entry entry) {
        if (!entry.order.isWorthKeeping()) {
            return;
        }
        store.put(entry.key, codec.encode(entry.order));
        if (entry.order.exists()) {
            told.state(entry);
        }
    }
}
