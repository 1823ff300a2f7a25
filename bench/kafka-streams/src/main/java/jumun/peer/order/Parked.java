package jumun.peer.order;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** An event that waits, as the record that it was. */
final class Parked {
    final long arrival;
    final long parkedAt;
    final byte[] key;
    final byte[] value;
    final Headers headers;
    final String topic;
    final int partition;
    final long offset;
    final long timestamp;
    final boolean isOfPayments;
    long version;
    long idHigh;
    long idLow;
    long hash;
    /** When it is looked at again. */
    long due;

    Parked(long arrival, long parkedAt, byte[] key, byte[] value, Headers headers, String topic, int partition,
           long offset, long timestamp, boolean isOfPayments) {
        this.arrival = arrival;
        this.parkedAt = parkedAt;
        this.key = key;
        this.value = value;
        this.headers = headers;
        this.topic = topic;
        this.partition = partition;
        this.offset = offset;
        this.timestamp = timestamp;
        this.isOfPayments = isOfPayments;
    }

    /** The lowest version first, then by arrival. */
    int compareTurn(Parked other) {
        int byVersion = Long.compare(version, other.version);
        return byVersion != 0 ? byVersion : Long.compare(arrival, other.arrival);
    }

    static byte[] keyOf(long arrival) {
        return ByteBuffer.allocate(Long.BYTES).putLong(arrival).array();
    }

    byte[] encode() {
        byte[] topicName = topic.getBytes(StandardCharsets.UTF_8);
        int size = 9 * Long.BYTES + key.length + value.length + topicName.length + 4 * Integer.BYTES + 1;
        for (Header header : headers) {
            size += 2 * Integer.BYTES + header.key().length() * 3 + (header.value() == null ? 0 : header.value().length);
        }
        ByteBuffer out = ByteBuffer.allocate(size + Integer.BYTES);
        out.putLong(arrival).putLong(parkedAt).putLong(offset).putLong(timestamp).putLong(version).putLong(idHigh)
            .putLong(idLow).putLong(hash).putLong(due).putInt(partition).put((byte) (isOfPayments ? 1 : 0));
        put(out, key);
        put(out, value);
        put(out, topicName);
        for (Header header : headers) {
            put(out, header.key().getBytes(StandardCharsets.UTF_8));
            put(out, header.value());
        }
        return java.util.Arrays.copyOf(out.array(), out.position());
    }

    static Parked decode(byte[] row) {
        ByteBuffer in = ByteBuffer.wrap(row);
        long arrival = in.getLong();
        long parkedAt = in.getLong();
        long offset = in.getLong();
        long timestamp = in.getLong();
        long version = in.getLong();
        long idHigh = in.getLong();
        long idLow = in.getLong();
        long hash = in.getLong();
        long due = in.getLong();
        int partition = in.getInt();
        boolean isOfPayments = in.get() == 1;
        byte[] key = take(in);
        byte[] value = take(in);
        String topic = new String(take(in), StandardCharsets.UTF_8);
        RecordHeaders headers = new RecordHeaders();
        while (in.hasRemaining()) {
            headers.add(new String(take(in), StandardCharsets.UTF_8), take(in));
        }
        Parked parked = new Parked(arrival, parkedAt, key, value, headers, topic, partition, offset, timestamp,
            isOfPayments);
        parked.version = version;
        parked.idHigh = idHigh;
        parked.idLow = idLow;
        parked.hash = hash;
        parked.due = due;
        return parked;
    }

    private static void put(ByteBuffer out, byte[] bytes) {
        out.putInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.put(bytes);
        }
    }

    private static byte[] take(ByteBuffer in) {
        int length = in.getInt();
        if (length < 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }
}
