package jumun.peer.streams;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * Makes a task take equal timestamps of its inputs in the order of order-domain E8: order, payment, delivery. Kafka
 * Streams takes the record with the smallest timestamp next and leaves ties open, so the input's rank becomes the two
 * lowest bits of the timestamp that it sees. {@link #timestamp} gives the true one back.
 */
public final class MergeOrder implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        long rank = switch (record.topic().charAt(0)) {
            case 'p' -> 1;
            case 'd' -> 2;
            default -> 0;
        };
        return Math.max(0, record.timestamp()) << 2 | rank;
    }

    public static long timestamp(long seen) {
        return seen >> 2;
    }
}
