package jumun.peer.agg;

import java.util.Arrays;

import jumun.peer.json.Hash;

/**
 * Partial sums per (group, window) since the last commit, in an open-addressed table over bytes: the first of the two
 * stages of aggregation. They are handed over in one packed record per merging partition.
 */
public final class Partials {
    /** Takes the packed deltas of one partition. */
    public interface Handover {
        void deltas(int partition, byte[] packed);
    }

    private byte[][] groups = new byte[1024][];
    private long[] windows = new long[1024];
    private long[] sums = new long[1024];
    private int[] used = new int[512];
    private int size;

    private final byte[] scratch = new byte[1024];
    private int length;
    private final Packed[] packed;

    public Partials(int partitions) {
        packed = new Packed[partitions];
        for (int partition = 0; partition < partitions; partition++) {
            packed[partition] = new Packed();
        }
    }

    /** Begins a group's key: the aggregate's name. */
    public Partials begin(byte[] aggregate) {
        System.arraycopy(aggregate, 0, scratch, 0, aggregate.length);
        length = aggregate.length;
        return this;
    }

    /** The next dim's value; null is the empty text. */
    public Partials dim(byte[] value) {
        scratch[length++] = '|';
        if (value != null && length + 2 * value.length < scratch.length) {
            for (byte next : value) {
                if (next == '|' || next == '\\') {
                    scratch[length++] = '\\';
                }
                scratch[length++] = next;
            }
        }
        return this;
    }

    /** Adds 1 to the group that was begun. */
    public void add(long window) {
        int mask = groups.length - 1;
        int place = (int) Hash.mix(Hash.of(scratch, 0, length) + window) & mask;
        while (groups[place] != null) {
            byte[] known = groups[place];
            if (windows[place] == window && Arrays.equals(known, 0, known.length, scratch, 0, length)) {
                sums[place]++;
                return;
            }
            place = (place + 1) & mask;
        }
        groups[place] = Arrays.copyOf(scratch, length);
        windows[place] = window;
        sums[place] = 1;
        used[size++] = place;
        if (size == used.length) {
            grow();
        }
    }

    /** Hands all sums over and forgets them. */
    public void handOver(Handover handover) {
        if (size == 0) {
            return;
        }
        for (int entry = 0; entry < size; entry++) {
            int place = used[entry];
            byte[] group = groups[place];
            int partition = (int) ((Hash.of(group, 0, group.length) >>> 1) % packed.length);
            packed[partition].add(group, windows[place], sums[place]);
            groups[place] = null;
        }
        size = 0;
        for (int partition = 0; partition < packed.length; partition++) {
            byte[] deltas = packed[partition].take();
            if (deltas.length > 0) {
                handover.deltas(partition, deltas);
            }
        }
    }

    private void grow() {
        byte[][] oldGroups = groups;
        long[] oldWindows = windows;
        long[] oldSums = sums;
        int[] oldUsed = used;
        int capacity = oldGroups.length * 2;
        groups = new byte[capacity][];
        windows = new long[capacity];
        sums = new long[capacity];
        used = new int[capacity / 2];
        for (int entry = 0; entry < size; entry++) {
            int from = oldUsed[entry];
            byte[] group = oldGroups[from];
            int place = (int) Hash.mix(Hash.of(group, 0, group.length) + oldWindows[from]) & (capacity - 1);
            while (groups[place] != null) {
                place = (place + 1) & (capacity - 1);
            }
            groups[place] = group;
            windows[place] = oldWindows[from];
            sums[place] = oldSums[from];
            used[entry] = place;
        }
    }
}
