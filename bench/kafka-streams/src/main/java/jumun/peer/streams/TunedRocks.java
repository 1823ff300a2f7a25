package jumun.peer.streams;

import java.util.Map;

import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * One bounded cache for the blocks and the memtables of all stores of the process, larger memtables, LZ4: the memory
 * management that the Kafka Streams documentation recommends. Stock settings are 50 MiB of cache and 3 × 16 MiB of
 * memtables per store.
 */
public final class TunedRocks implements RocksDBConfigSetter {
    public static final String CACHE_MB = "peer.rocksdb.cache.mb";
    public static final String MEMTABLES_MB = "peer.rocksdb.memtables.mb";

    private static Cache cache;
    private static WriteBufferManager memtables;

    @Override
    public void setConfig(String storeName, Options options, Map<String, Object> configs) {
        share(megabytes(configs, CACHE_MB), megabytes(configs, MEMTABLES_MB));
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(cache);
        table.setBlockSize(8 << 10);
        table.setCacheIndexAndFilterBlocks(true);
        table.setPinTopLevelIndexAndFilter(true);
        // The filter's own object is owned by the options from here on.
        table.setFilterPolicy(new BloomFilter(10, false));
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(memtables);
        options.setWriteBufferSize(16L << 20);
        options.setMaxWriteBufferNumber(3);
        options.setCompressionType(CompressionType.LZ4_COMPRESSION);
        options.setLevelCompactionDynamicLevelBytes(true);
    }

    private static synchronized void share(long cacheBytes, long memtableBytes) {
        if (cache == null) {
            cache = new LRUCache(cacheBytes);
            memtables = new WriteBufferManager(memtableBytes, cache);
        }
    }

    private static long megabytes(Map<String, Object> configs, String name) {
        return Long.parseLong(String.valueOf(configs.get(name))) << 20;
    }

    /** The cache is shared: it lives as long as the process. */
    @Override
    public void close(String storeName, Options options) {
    }
}
