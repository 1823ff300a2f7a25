package jumun.peer.agg;

import java.util.Arrays;

/** Many deltas in one record: length and bytes of the group, window as minutes, sum; integers of variable length. */
final class Packed {
    static final long MINUTE = 60_000;

    /** Takes one delta. */
    interface Delta {
        void take(byte[] group, long window, long sum);
    }

    private byte[] buffer = new byte[4096];
    private int length;

    void add(byte[] group, long window, long sum) {
        if (length + group.length + 30 > buffer.length) {
            buffer = Arrays.copyOf(buffer, buffer.length * 2 + group.length);
        }
        unsigned(group.length);
        System.arraycopy(group, 0, buffer, length, group.length);
        length += group.length;
        long minutes = Math.floorDiv(window, MINUTE);
        unsigned(minutes << 1 ^ minutes >> 63);
        unsigned(sum);
    }

    byte[] take() {
        byte[] taken = Arrays.copyOf(buffer, length);
        length = 0;
        return taken;
    }

    static void read(byte[] packed, Delta delta) {
        int[] at = {0};
        while (at[0] < packed.length) {
            int size = (int) unsigned(packed, at);
            byte[] group = Arrays.copyOfRange(packed, at[0], at[0] + size);
            at[0] += size;
            long minutes = unsigned(packed, at);
            delta.take(group, ((minutes >>> 1) ^ -(minutes & 1)) * MINUTE, unsigned(packed, at));
        }
    }

    private void unsigned(long value) {
        while ((value & ~0x7fL) != 0) {
            buffer[length++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        buffer[length++] = (byte) value;
    }

    private static long unsigned(byte[] bytes, int[] at) {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte next = bytes[at[0]++];
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }
}
