package jumun.peer.domain;

import java.util.Arrays;

import jumun.peer.domain.Regions.Target;

/** The last events of an order, oldest first, by which repeated and conflicting events are known. */
public final class Memory {
    static final int LONGEST = 64;

    int size;
    long[] high = new long[4];
    long[] low = new long[4];
    long[] hash = new long[4];
    long[] version = new long[4];
    /** Target in the low two bits, judged in the third, place of the delivery + 1 above. */
    int[] what = new int[4];

    void clear() {
        size = 0;
    }

    /** Place of the event of this id; −1 if it is not remembered. */
    int find(Event event) {
        for (int place = size - 1; place >= 0; place--) {
            if (low[place] == event.idLow && high[place] == event.idHigh) {
                return place;
            }
        }
        return -1;
    }

    boolean knowsVersion(Target target, int delivery, long sought) {
        for (int place = 0; place < size; place++) {
            if (version[place] == sought && (what[place] & 3) == target.ordinal() && (what[place] >> 3) == delivery + 1) {
                return true;
            }
        }
        return false;
    }

    boolean isJudged(int place) {
        return (what[place] & 4) != 0;
    }

    void remember(Event event, int delivery, boolean judged) {
        int known = find(event);
        if (known >= 0) {
            what[known] = judged ? what[known] | 4 : what[known] & ~4;
            return;
        }
        if (size == LONGEST) {
            System.arraycopy(high, 1, high, 0, size - 1);
            System.arraycopy(low, 1, low, 0, size - 1);
            System.arraycopy(hash, 1, hash, 0, size - 1);
            System.arraycopy(version, 1, version, 0, size - 1);
            System.arraycopy(what, 1, what, 0, size - 1);
            size--;
        }
        reserve(size + 1);
        high[size] = event.idHigh;
        low[size] = event.idLow;
        hash[size] = event.json.contentHash();
        version[size] = event.judgedVersion();
        what[size] = event.target.ordinal() | (judged ? 4 : 0) | (delivery + 1) << 3;
        size++;
    }

    void reserve(int entries) {
        if (entries > high.length) {
            int length = Math.max(entries, high.length * 2);
            high = Arrays.copyOf(high, length);
            low = Arrays.copyOf(low, length);
            hash = Arrays.copyOf(hash, length);
            version = Arrays.copyOf(version, length);
            what = Arrays.copyOf(what, length);
        }
    }
}
