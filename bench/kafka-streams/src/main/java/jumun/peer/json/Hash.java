package jumun.peer.json;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** A 64-bit hash of bytes, eight at a time. */
public final class Hash {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long FACTOR = 0xff51afd7ed558ccdL;

    private Hash() {
    }

    public static long of(byte[] bytes, int from, int to) {
        long hash = 0x9e3779b97f4a7c15L ^ (to - from);
        int at = from;
        for (; at + 8 <= to; at += 8) {
            hash = mix(hash ^ (long) LONG.get(bytes, at));
        }
        long rest = 0;
        for (; at < to; at++) {
            rest = (rest << 8) | (bytes[at] & 0xff);
        }
        return mix(hash ^ rest);
    }

    public static long mix(long value) {
        long mixed = value * FACTOR;
        mixed ^= mixed >>> 32;
        mixed *= 0xc4ceb9fe1a85ec53L;
        return mixed ^ (mixed >>> 29);
    }
}
