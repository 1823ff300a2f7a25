package jumun.peer.count;

import java.time.Duration;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

import jumun.peer.Settings;
import jumun.peer.streams.CommitHook;

/**
 * The count job: records per key and minute of their timestamps. Key of the output: the key and the start of the window
 * as eight bytes; value: the count as eight bytes. In plain DSL, and with a processor that writes back once per commit.
 */
public final class CountJob {
    public static final String OUTPUT = "count.1m.v1";
    static final String STORE = "counts";
    static final String HOOK = "counts-commit";
    static final Duration WINDOW = Duration.ofMinutes(1);

    private CountJob() {
    }

    public static Topology topology(Settings settings) {
        return switch (settings.text("count.variant")) {
            case "dsl" -> dsl(settings);
            case "write-back" -> writeBack(settings);
            default -> throw new IllegalArgumentException("--count.variant " + settings.text("count.variant")
                + ": it is dsl or write-back");
        };
    }

    /** How long a window is open after its end. */
    private static Duration grace(Settings settings) {
        return Duration.ofMillis(settings.whole("count.grace.ms"));
    }

    private static Topology dsl(Settings settings) {
        StreamsBuilder builder = new StreamsBuilder();
        Duration grace = grace(settings);
        Serde<byte[]> bytes = Serdes.ByteArray();
        Serde<Windowed<byte[]>> windowed =
            WindowedSerdes.timeWindowedSerdeFrom(byte[].class, WINDOW.toMillis());
        builder.stream(java.util.List.of(settings.text("count.inputs").split(",")), Consumed.with(bytes, bytes))
            .groupByKey(Grouped.with(bytes, bytes))
            .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, grace))
            .count(Materialized.<byte[], Long, WindowStore<Bytes, byte[]>>as(STORE).withKeySerde(bytes)
                .withValueSerde(Serdes.Long()).withCachingEnabled().withLoggingEnabled(settings.changelogConfig()))
            .toStream()
            .to(OUTPUT, Produced.with(windowed, Serdes.Long()));
        return builder.build();
    }

    private static Topology writeBack(Settings settings) {
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        Topology topology = new Topology();
        int cached = settings.whole("count.cached");
        Duration grace = grace(settings);
        topology.addSource(Topology.AutoOffsetReset.EARLIEST, "events", in, in,
            settings.text("count.inputs").split(","));
        topology.addProcessor("count", () -> new CountProcessor(cached, grace), "events");
        topology.addStateStore(Stores.windowStoreBuilder(
            // What the DSL keeps: window and grace.
            Stores.persistentWindowStore(STORE, WINDOW.plus(grace), WINDOW, false), Serdes.Bytes(),
            Serdes.ByteArray()).withCachingDisabled().withLoggingEnabled(settings.changelogConfig()), "count");
        topology.addStateStore(CommitHook.builder(HOOK), "count");
        topology.addSink("counts", OUTPUT, out, out, "count");
        return topology;
    }
}
