package jumun.peer.agg;

import static jumun.peer.json.JsonWriter.name;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.utils.Bytes;

import jumun.peer.json.JsonWriter;
import jumun.peer.json.Times;

/** Keys and values of order.agg.1m.v1 (order-domain 2.7). What depends on the group alone is written once. */
final class AggregateRecords {
    private static final byte[] AGG = name("agg");
    private static final byte[] DIMS = name("dims");
    private static final byte[] WINDOW_START = name("windowStart");
    private static final byte[] WINDOW_END = name("windowEnd");
    private static final byte[] VALUE = name("value");
    private static final byte[] N = name("n");
    private static final byte[] REV = name("rev");
    private static final byte[] FINAL = name("final");
    private static final Map<String, byte[][]> NAMES = Map.of(
        "orders_created", names("sido", "category"),
        "orders_paid", names("sido", "category"),
        "transitions", names("sido", "from", "to", "actor"),
        "terminal", names("sido", "category", "status", "reason", "liability"));

    private final Map<Bytes, byte[]> heads = new HashMap<>();
    private final JsonWriter out = new JsonWriter();

    static byte[] key(byte[] group, long window) {
        byte[] key = Arrays.copyOf(group, group.length + 18);
        key[group.length] = '|';
        Times.writeUtcMinute(window, key, group.length + 1);
        return key;
    }

    byte[] value(byte[] group, long window, long sum, long revision) {
        out.clear();
        out.raw(heads.computeIfAbsent(Bytes.wrap(group), AggregateRecords::head));
        out.time(WINDOW_START, window);
        out.time(WINDOW_END, window + Packed.MINUTE);
        out.number(VALUE, sum);
        out.number(N, sum);
        out.number(REV, revision);
        out.bool(FINAL, false);
        out.close();
        return out.copy();
    }

    private static byte[] head(Bytes group) {
        List<byte[]> parts = parts(group.get());
        byte[][] names = NAMES.get(new String(parts.get(0), java.nio.charset.StandardCharsets.UTF_8));
        JsonWriter head = new JsonWriter();
        head.open();
        head.text(AGG, parts.get(0));
        head.raw(DIMS);
        head.open();
        for (int dim = 0; dim < names.length; dim++) {
            byte[] value = parts.get(dim + 1);
            // An absent dim is the empty text in the key, and left out here.
            head.text(names[dim], value.length == 0 ? null : value);
        }
        head.closeInner();
        return head.copy();
    }

    private static List<byte[]> parts(byte[] group) {
        List<byte[]> parts = new ArrayList<>();
        byte[] part = new byte[group.length];
        int length = 0;
        for (int at = 0; at < group.length; at++) {
            if (group[at] == '|') {
                parts.add(Arrays.copyOf(part, length));
                length = 0;
            } else {
                at += group[at] == '\\' ? 1 : 0;
                part[length++] = group[at];
            }
        }
        parts.add(Arrays.copyOf(part, length));
        return parts;
    }

    private static byte[][] names(String... names) {
        return Arrays.stream(names).map(JsonWriter::name).toArray(byte[][]::new);
    }
}
