package jumun.peer.order;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import jumun.peer.Settings;
import jumun.peer.agg.MergeProcessor;
import jumun.peer.streams.CommitHook;
import jumun.peer.streams.MergeOrder;

/** The topology of the order job. */
public final class OrderJob {
    public static final String[] INPUTS = {"order.events.v1", "payment.events.v1", "delivery.events.v1"};
    public static final String TRANSITIONS = "order.transitions.v1";
    public static final String STATE = "order.state.v1";
    public static final String REJECTED = "order.rejected.v1";
    public static final String DEAD_LETTERS = "order.dlt.v1";
    public static final String AGGREGATES = "order.agg.1m.v1";

    private OrderJob() {
    }

    public static String partialsTopic(Settings settings) {
        return settings.applicationId() + "-aggregate-partials";
    }

    public static Topology topology(Settings settings) {
        OrderSettings order = new OrderSettings(settings.whole("cache.orders"), settings.is("cache.records"),
            settings.whole("park.limit.ms"), settings.is("aggregates"), settings.whole("aggregates.partitions"), partialsTopic(settings));
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        Map<String, String> changelog = settings.changelogConfig();
        Topology topology = new Topology();
        topology.addSource(Topology.AutoOffsetReset.EARLIEST, "events", new MergeOrder(), in, in, INPUTS);
        topology.addProcessor("judge", () -> new OrderProcessor(order), "events");
        topology.addStateStore(store(OrderProcessor.ORDERS, order.recordCache(), changelog), "judge");
        topology.addStateStore(store(OrderProcessor.PARKED, false, changelog), "judge");
        topology.addStateStore(CommitHook.builder(OrderProcessor.HOOK), "judge");
        topology.addSink(OrderProcessor.TRANSITIONS, TRANSITIONS, out, out, "judge");
        topology.addSink(OrderProcessor.STATES, STATE, out, out, "judge");
        topology.addSink(OrderProcessor.REJECTED, REJECTED, out, out, "judge");
        topology.addSink(OrderProcessor.DEAD_LETTERS, DEAD_LETTERS, out, out, "judge");
        if (order.aggregates()) {
            addAggregates(topology, order, changelog, in, out);
        }
        return topology;
    }

    private static void addAggregates(Topology topology, OrderSettings order, Map<String, String> changelog,
                                      ByteArrayDeserializer in, ByteArraySerializer out) {
        StreamPartitioner<byte[], byte[]> byKey =
            (topic, key, value, partitions) -> Optional.of(Set.of(ByteBuffer.wrap(key).getInt()));
        topology.addSink(OrderProcessor.PARTIALS, order.partialsTopic(), out, out, byKey, "judge");
        topology.addSource(Topology.AutoOffsetReset.EARLIEST, "merge-source", in, in, order.partialsTopic());
        topology.addProcessor("merge", MergeProcessor::new, "merge-source");
        topology.addStateStore(store(MergeProcessor.STORE, false, changelog), "merge");
        topology.addStateStore(CommitHook.builder(MergeProcessor.HOOK), "merge");
        topology.addSink("aggregate-updates", AGGREGATES, out, out, "merge");
    }

    private static StoreBuilder<KeyValueStore<Bytes, byte[]>> store(String name, boolean recordCache,
                                                                    Map<String, String> changelog) {
        StoreBuilder<KeyValueStore<Bytes, byte[]>> builder = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(name), Serdes.Bytes(), Serdes.ByteArray()).withLoggingEnabled(changelog);
        return recordCache ? builder.withCachingEnabled() : builder.withCachingDisabled();
    }
}
