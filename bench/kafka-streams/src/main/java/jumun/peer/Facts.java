package jumun.peer;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the bench asks a run for. Each task counts in an array of its own, which is read without a lock: exact once the
 * task stands still. Counts of aborted transactions stay in, so they are no measure of what was committed.
 */
public final class Facts {
    /** The counts of one task. */
    public static final class Counts {
        private final String[] names;
        private final long[] counts;

        Counts(String[] names) {
            this.names = names;
            this.counts = new long[names.length];
        }

        public void add(int place) {
            counts[place]++;
        }

        public void add(int place, long count) {
            counts[place] += count;
        }
    }

    private static final List<Counts> ALL = new CopyOnWriteArrayList<>();
    private static final long STARTED = System.nanoTime();
    public static final AtomicLong REBALANCES = new AtomicLong();
    public static final AtomicLong RESTORED = new AtomicLong();
    public static final AtomicLong RESTORE_NANOS = new AtomicLong();
    /** Of the first restore that began and the last that ended, so far; {@link System#nanoTime}. */
    private static long restoreBegan = Long.MAX_VALUE;
    private static long restoreEnded = Long.MIN_VALUE;
    public static final AtomicLong RUNNING_AFTER_MS = new AtomicLong(-1);

    private Facts() {
    }

    public static Counts counts(String... names) {
        Counts counts = new Counts(names);
        ALL.add(counts);
        return counts;
    }

    static synchronized void restoreBegan() {
        restoreBegan = Math.min(restoreBegan, System.nanoTime());
    }

    static synchronized void restoreEnded() {
        restoreEnded = Math.max(restoreEnded, System.nanoTime());
    }

    private static synchronized long restoreWallMs() {
        return restoreEnded > restoreBegan ? (restoreEnded - restoreBegan) / 1_000_000 : 0;
    }

    static long sinceStartMs() {
        return (System.nanoTime() - STARTED) / 1_000_000;
    }

    /** As one line of JSON. */
    public static String json() {
        Map<String, Long> sums = new TreeMap<>();
        for (Counts counts : ALL) {
            for (int place = 0; place < counts.names.length; place++) {
                sums.merge(counts.names[place], counts.counts[place], Long::sum);
            }
        }
        StringBuilder out = new StringBuilder("{\"upMs\":").append(sinceStartMs());
        out.append(",\"runningAfterMs\":").append(RUNNING_AFTER_MS.get());
        out.append(",\"rebalances\":").append(REBALANCES.get());
        out.append(",\"restoredRecords\":").append(RESTORED.get());
        out.append(",\"restoreMs\":").append(RESTORE_NANOS.get() / 1_000_000);
        out.append(",\"restoreWallMs\":").append(restoreWallMs());
        out.append(",\"gcMs\":").append(gcMs()).append(",\"counts\":{");
        String comma = "";
        for (Map.Entry<String, Long> sum : sums.entrySet()) {
            if (sum.getValue() != 0) {
                out.append(comma).append('"').append(sum.getKey()).append("\":").append(sum.getValue());
                comma = ",";
            }
        }
        return out.append("}}").toString();
    }

    private static long gcMs() {
        return java.lang.management.ManagementFactory.getGarbageCollectorMXBeans().stream()
            .mapToLong(java.lang.management.GarbageCollectorMXBean::getCollectionTime).sum();
    }
}
