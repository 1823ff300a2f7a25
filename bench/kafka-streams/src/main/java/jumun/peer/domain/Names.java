package jumun.peer.domain;

import jumun.peer.json.Hash;
import jumun.peer.json.JsonWriter;

/** From the spelling of an enum's values to the value, without a String. */
final class Names<E extends Enum<E>> {
    private final byte[][] spellings;
    private final Object[] values;
    private final int mask;

    Names(E[] all, java.util.function.Function<E, byte[]> spelling) {
        int size = Integer.highestOneBit(all.length * 4) * 2;
        spellings = new byte[size][];
        values = new Object[size];
        mask = size - 1;
        for (E value : all) {
            byte[] text = spelling.apply(value);
            int place = (int) Hash.of(text, 0, text.length) & mask;
            while (spellings[place] != null) {
                place = (place + 1) & mask;
            }
            spellings[place] = text;
            values[place] = value;
        }
    }

    /** Null if no value is spelt so. */
    @SuppressWarnings("unchecked")
    E find(byte[] text, int from, int to) {
        int place = (int) Hash.of(text, from, to) & mask;
        while (spellings[place] != null) {
            byte[] known = spellings[place];
            if (java.util.Arrays.equals(known, 0, known.length, text, from, to)) {
                return (E) values[place];
            }
            place = (place + 1) & mask;
        }
        return null;
    }

    static byte[] of(Enum<?> value) {
        return JsonWriter.ascii(value.name());
    }
}
