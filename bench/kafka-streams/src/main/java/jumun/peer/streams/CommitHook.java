package jumun.peer.streams;

import java.util.Map;

import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * Calls its owner back right before every commit, while outputs may still be sent and stores still be written: in the
 * place where Kafka Streams flushes its own record caches (ProcessorStateManager.flushCache, from StreamTask.prepareCommit,
 * on every commit: by interval, on request, in a rebalance, at the end). A punctuation at the commit interval would not
 * do: a commit for another reason would pass by what is not written yet.
 *
 * <p>It is a store without contents, because only stores are told. CachedStateStore is not public API; the version of
 * Kafka Streams is pinned in the pom.
 */
public final class CommitHook implements StateStore, CachedStateStore<Object, Object> {
    private final String name;
    private Runnable beforeCommit;
    private boolean isOpen;

    private CommitHook(String name) {
        this.name = name;
    }

    /** Set by the processor when it is initialised. */
    public void beforeCommit(Runnable callback) {
        beforeCommit = callback;
    }

    public static StoreBuilder<CommitHook> builder(String name) {
        return new Builder(name);
    }

    @Override
    public void flushCache() {
        if (beforeCommit != null) {
            beforeCommit.run();
        }
    }

    @Override
    public boolean setFlushListener(CacheFlushListener<Object, Object> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public void clearCache() {
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        context.register(root, (key, value) -> {
        });
        isOpen = true;
    }

    @Override
    public void flush() {
    }

    @Override
    public void close() {
        isOpen = false;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return isOpen;
    }

    private record Builder(String name) implements StoreBuilder<CommitHook> {
        @Override
        public StoreBuilder<CommitHook> withCachingEnabled() {
            return this;
        }

        @Override
        public StoreBuilder<CommitHook> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<CommitHook> withLoggingEnabled(Map<String, String> config) {
            throw new UnsupportedOperationException("there is nothing to log");
        }

        @Override
        public StoreBuilder<CommitHook> withLoggingDisabled() {
            return this;
        }

        @Override
        public CommitHook build() {
            return new CommitHook(name);
        }

        @Override
        public Map<String, String> logConfig() {
            return Map.of();
        }

        @Override
        public boolean loggingEnabled() {
            return false;
        }
    }
}
