package jumun.peer;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.StateRestoreListener;

/** Adds up how many records were restored, and tells of each store how long it took. */
final class Restores implements StateRestoreListener {
    private final Map<String, Long> begun = new ConcurrentHashMap<>();

    @Override
    public void onRestoreStart(TopicPartition partition, String store, long from, long to) {
        Facts.restoreBegan();
        begun.put(store + partition, System.nanoTime());
    }

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long end, long count) {
        Facts.RESTORED.addAndGet(count);
    }

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long count) {
        Facts.restoreEnded();
        Long start = begun.remove(store + partition);
        long took = start == null ? 0 : System.nanoTime() - start;
        Facts.RESTORE_NANOS.addAndGet(took);
        if (count > 0) {
            System.out.println("restored " + store + " " + partition + ": " + count + " records in "
                + took / 1_000_000 + " ms");
        }
    }
}
