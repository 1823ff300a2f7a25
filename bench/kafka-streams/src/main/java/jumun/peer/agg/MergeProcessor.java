package jumun.peer.agg;

import java.nio.ByteBuffer;
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
import org.apache.kafka.streams.state.KeyValueStore;

import jumun.peer.streams.CommitHook;
import jumun.peer.streams.Scope;

/** The second stage: adds the deltas of all tasks to their rows, and tells once per commit of those that changed. */
public final class MergeProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    public static final String STORE = "aggregates";
    public static final String HOOK = "aggregates-commit";
    private static final int CACHED_ROWS = 50_000;

    /** A window of a group. */
    private static final class Row {
        final byte[] group;
        final long window;
        long sum;
        long revision;
        boolean isDirty;

        Row(byte[] group, long window) {
            this.group = group;
            this.window = window;
        }
    }

    private final AggregateRecords records = new AggregateRecords();
    private final Map<Bytes, Row> rows = new LinkedHashMap<>(1024, 0.75f, true);
    private final List<Map.Entry<Bytes, Row>> dirty = new ArrayList<>();
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, byte[]> store;
    private Scope scope;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        store = context.getStateStore(STORE);
        scope = new Scope(context);
        CommitHook hook = context.getStateStore(HOOK);
        hook.beforeCommit(this::flush);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Packed.read(record.value(), this::add);
    }

    private void add(byte[] group, long window, long sum) {
        Bytes key = Bytes.wrap(AggregateRecords.key(group, window));
        Row row = rows.get(key);
        if (row == null) {
            row = new Row(group, window);
            byte[] stored = store.get(key);
            if (stored != null) {
                ByteBuffer in = ByteBuffer.wrap(stored);
                row.sum = in.getLong();
                row.revision = in.getLong();
            }
            rows.put(key, row);
        }
        row.sum += sum;
        if (!row.isDirty) {
            row.isDirty = true;
            dirty.add(Map.entry(key, row));
        }
    }

    private void flush() {
        if (dirty.isEmpty()) {
            return;
        }
        long now = context.currentSystemTimeMs();
        scope.run(now, () -> dirty.forEach(entry -> write(entry.getKey(), entry.getValue(), now)));
        dirty.clear();
        Iterator<Row> eldest = rows.values().iterator();
        for (int surplus = rows.size() - CACHED_ROWS; surplus > 0; surplus--) {
            eldest.next();
            eldest.remove();
        }
    }

    private void write(Bytes key, Row row, long now) {
        row.isDirty = false;
        row.revision++;
        store.put(key, ByteBuffer.allocate(2 * Long.BYTES).putLong(row.sum).putLong(row.revision).array());
        byte[] value = records.value(row.group, row.window, row.sum, row.revision);
        context.forward(new Record<>(key.get(), value, now, new RecordHeaders()));
    }
}
