package jumun.peer.count;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.WindowStore;

import jumun.peer.Facts;
import jumun.peer.streams.CommitHook;
import jumun.peer.streams.Scope;

/** Counts in memory, and writes and tells once per commit what changed. */
final class CountProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    /** A key in a window. */
    private record Place(Bytes key, long window) {
        @Override
        public int hashCode() {
            return key.hashCode() * 31 + Long.hashCode(window);
        }
    }

    private static final class Count {
        final Place place;
        long count;
        boolean isDirty;

        Count(Place place) {
            this.place = place;
        }
    }

    private static final long WINDOW_MS = CountJob.WINDOW.toMillis();

    private final Map<Place, Count> counts = new LinkedHashMap<>(1024, 0.75f, true);
    private final List<Count> dirty = new ArrayList<>();
    private final Facts.Counts facts = Facts.counts("consumed", "late");
    private final int cached;
    private final long graceMs;
    private ProcessorContext<byte[], byte[]> context;
    private WindowStore<Bytes, byte[]> store;
    private Scope scope;
    private long streamTime = Long.MIN_VALUE;

    CountProcessor(int cached, Duration grace) {
        this.cached = cached;
        this.graceMs = grace.toMillis();
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        store = context.getStateStore(CountJob.STORE);
        scope = new Scope(context);
        CommitHook hook = context.getStateStore(CountJob.HOOK);
        hook.beforeCommit(this::flush);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        facts.add(0);
        if (record.key() == null) {
            return;
        }
        long window = Math.floorDiv(record.timestamp(), WINDOW_MS) * WINDOW_MS;
        streamTime = Math.max(streamTime, record.timestamp());
        if (window + WINDOW_MS + graceMs <= streamTime) {
            facts.add(1);
            return;
        }
        Place place = new Place(Bytes.wrap(record.key()), window);
        Count count = counts.get(place);
        if (count == null) {
            count = new Count(place);
            byte[] stored = store.fetch(place.key(), window);
            count.count = stored == null ? 0 : ByteBuffer.wrap(stored).getLong();
            counts.put(place, count);
        }
        count.count++;
        if (!count.isDirty) {
            count.isDirty = true;
            dirty.add(count);
        }
    }

    private void flush() {
        if (dirty.isEmpty()) {
            return;
        }
        scope.run(Math.max(0, streamTime), () -> dirty.forEach(this::write));
        dirty.clear();
        Iterator<Count> eldest = counts.values().iterator();
        for (int surplus = counts.size() - cached; surplus > 0; surplus--) {
            eldest.next();
            eldest.remove();
        }
    }

    private void write(Count count) {
        count.isDirty = false;
        byte[] value = ByteBuffer.allocate(Long.BYTES).putLong(count.count).array();
        byte[] key = count.place.key().get();
        store.put(count.place.key(), value, count.place.window());
        byte[] told = ByteBuffer.allocate(key.length + Long.BYTES).put(key).putLong(count.place.window()).array();
        context.forward(new Record<>(told, value, Math.max(0, count.place.window()), new RecordHeaders()));
    }
}
