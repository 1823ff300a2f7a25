package jumun.peer;

import java.io.FileReader;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;

import jumun.peer.streams.TunedRocks;

/**
 * All that can be switched, each step by itself so that its effect can be measured: {@code --name value} on the command
 * line, over {@code --config file}, over the profile, over the defaults.
 */
public final class Settings {
    /** What both sides of the bench have in common, and the tuned profile. */
    private static final String[][] DEFAULTS = {
        {"job", "order"},
        {"profile", "tuned"},
        {"bootstrap.servers", "127.0.0.1:9092"},
        {"application.id", "kafka-streams-peer"},
        {"state.dir", "state"},
        {"threads", "1"},
        {"commit.interval.ms", "100"},
        {"guarantee", "exactly_once_v2"},
        // 0: a free port, told on standard output; empty: none.
        {"listen.port", "0"},
        {"partitions", "4"},
        {"output.partitions", "2"},
        // Of clients, as ours.
        {"linger.ms", "20"},
        {"compression.type", "lz4"},
        // Steps of tuning.
        {"cache.orders", "30000"},
        {"cache.records", "false"},
        {"cache.records.mb", "64"},
        {"rocksdb.tuned", "true"},
        {"rocksdb.cache.mb", "96"},
        {"rocksdb.memtables.mb", "64"},
        {"clients.fetch.tuned", "true"},
        {"clients.batch.tuned", "true"},
        {"clients.backoff.tuned", "true"},
        {"static.membership", "true"},
        {"changelog.segment.mb", "16"},
        {"park.limit.ms", "30000"},
        {"aggregates", "true"},
        {"aggregates.partitions", "2"},
        // dsl or write-back.
        {"count.variant", "write-back"},
        {"count.inputs", "order.events.v1,payment.events.v1,delivery.events.v1"},
        {"count.cached", "200000"},
        {"count.grace.ms", "120000"},
    };

    /** Kafka Streams as it comes, but for what both sides have in common. */
    private static final String[][] STOCK = {
        {"linger.ms", "100"},
        {"cache.orders", "0"},
        {"cache.records.mb", "10"},
        {"rocksdb.tuned", "false"},
        {"clients.fetch.tuned", "false"},
        {"clients.batch.tuned", "false"},
        {"clients.backoff.tuned", "false"},
        {"static.membership", "false"},
        {"changelog.segment.mb", "0"},
        {"count.variant", "dsl"},
    };

    private final Map<String, String> values = new LinkedHashMap<>();

    private Settings() {
        putAll(DEFAULTS);
    }

    /** Reads the command line. An unknown or incomplete option is an error that names it. */
    public static Settings of(String... arguments) throws IOException {
        Map<String, String> given = new LinkedHashMap<>();
        for (int at = 0; at < arguments.length; at += 2) {
            String name = arguments[at];
            if (!name.startsWith("--") || at + 1 == arguments.length) {
                throw new IllegalArgumentException(name + ": options are given as --name value");
            }
            given.put(name.substring(2), arguments[at + 1]);
        }
        Settings settings = new Settings();
        String file = given.remove("config");
        if (file != null) {
            Properties read = new Properties();
            try (FileReader reader = new FileReader(file)) {
                read.load(reader);
            }
            read.forEach((name, value) -> given.putIfAbsent((String) name, (String) value));
        }
        String profile = given.getOrDefault("profile", "tuned");
        switch (profile) {
            case "tuned" -> {
            }
            case "stock" -> settings.putAll(STOCK);
            default -> throw new IllegalArgumentException("profile " + profile + ": it is tuned or stock");
        }
        given.forEach((name, value) -> {
            if (!settings.values.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + ": there is no such setting; there are "
                    + String.join(", ", settings.values.keySet()));
            }
            settings.values.put(name, value);
        });
        return settings;
    }

    private void putAll(String[][] pairs) {
        for (String[] pair : pairs) {
            values.put(pair[0], pair[1]);
        }
    }

    public String text(String name) {
        return values.get(name);
    }

    public int whole(String name) {
        try {
            return Integer.parseInt(values.get(name));
        } catch (NumberFormatException error) {
            throw new IllegalArgumentException("--" + name + " " + values.get(name) + ": it is a whole number");
        }
    }

    public boolean is(String name) {
        return Boolean.parseBoolean(values.get(name));
    }

    public String applicationId() {
        return values.get("application.id");
    }

    /** As one line, for the record of a run. */
    public String line() {
        return values.toString();
    }

    /** Changelogs with small segments are compacted sooner, so that there is less to restore. */
    public Map<String, String> changelogConfig() {
        Map<String, String> config = new HashMap<>();
        int segment = whole("changelog.segment.mb");
        if (segment > 0) {
            config.put(TopicConfig.SEGMENT_BYTES_CONFIG, Integer.toString(segment << 20));
            config.put(TopicConfig.MIN_CLEANABLE_DIRTY_RATIO_CONFIG, "0.3");
            config.put(TopicConfig.MAX_COMPACTION_LAG_MS_CONFIG, "30000");
            config.put(TopicConfig.COMPRESSION_TYPE_CONFIG, "producer");
        }
        return config;
    }

    /** The configuration of Kafka Streams. */
    public Properties streams() {
        Properties to = new Properties();
        to.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, text("bootstrap.servers"));
        to.put(StreamsConfig.APPLICATION_ID_CONFIG, applicationId());
        to.put(StreamsConfig.STATE_DIR_CONFIG, text("state.dir"));
        to.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, whole("threads"));
        to.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, whole("commit.interval.ms"));
        to.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, text("guarantee"));
        to.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        to.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 0L);
        to.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, (long) whole("cache.records.mb") << 20);
        producer(to, ProducerConfig.ACKS_CONFIG, "all");
        producer(to, ProducerConfig.LINGER_MS_CONFIG, text("linger.ms"));
        producer(to, ProducerConfig.COMPRESSION_TYPE_CONFIG, text("compression.type"));
        consumer(to, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        if (is("rocksdb.tuned")) {
            to.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, TunedRocks.class);
            to.put(TunedRocks.CACHE_MB, whole("rocksdb.cache.mb"));
            to.put(TunedRocks.MEMTABLES_MB, whole("rocksdb.memtables.mb"));
        }
        if (is("clients.fetch.tuned")) {
            consumer(to, ConsumerConfig.MAX_POLL_RECORDS_CONFIG, "4000");
            consumer(to, ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, "20");
            consumer(to, ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, Integer.toString(1 << 20));
            consumer(to, ConsumerConfig.CHECK_CRCS_CONFIG, "false");
            to.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4000);
            to.put(StreamsConfig.restoreConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), "20000");
            to.put(StreamsConfig.restoreConsumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG),
                Integer.toString(8 << 20));
        }
        if (is("clients.batch.tuned")) {
            producer(to, ProducerConfig.BATCH_SIZE_CONFIG, Integer.toString(256 << 10));
            producer(to, ProducerConfig.BUFFER_MEMORY_CONFIG, Integer.toString(64 << 20));
        }
        if (is("clients.backoff.tuned")) {
            producer(to, ProducerConfig.RETRY_BACKOFF_MS_CONFIG, "2");
            producer(to, ProducerConfig.RETRY_BACKOFF_MAX_MS_CONFIG, "500");
        }
        if (is("static.membership")) {
            // A restart after kill -9 need not wait for the session of its predecessor to time out.
            consumer(to, ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, applicationId() + "-0");
        }
        return to;
    }

    private static void producer(Properties to, String name, String value) {
        to.put(StreamsConfig.producerPrefix(name), value);
    }

    private static void consumer(Properties to, String name, String value) {
        to.put(StreamsConfig.mainConsumerPrefix(name), value);
    }
}
