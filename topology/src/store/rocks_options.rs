//! How RocksDB is set up.

use std::ffi::c_int;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, Error, LogLevel, Options,
    WriteBufferManager,
};

use super::config::StateConfig;

/// A memtable's size at most, and what part of the budget of all of them; the regular flush comes first.
const MEMTABLE_BYTES: usize = 32 << 20;
const MEMTABLE_PART: usize = 4;
/// Memtables grow by this much: many partitions with several families each stay small while idle.
const ARENA_BLOCK_BYTES: usize = 64 << 10;
const BLOCK_BYTES: usize = 8 << 10;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// So many flushed files of a family are merged with its lower levels at once. Flushes come often, for what a killed process
/// replays, and each merge rewrites all that the files' keys touch below: twice RocksDB's 4 is half as much of that, and a
/// read has a few more filters to ask.
const FLUSHED_FILES: c_int = 8;

/// What all databases of the process share, so that memory is bounded whatever their number.
#[derive(Clone)]
pub(crate) struct RocksResources {
    cache: Cache,
    write_buffers: WriteBufferManager,
    memtable_bytes: usize,
    max_open_files: c_int,
    background_jobs: c_int,
}

impl RocksResources {
    pub fn new(config: &StateConfig) -> Self {
        Self {
            cache: Cache::new_lru_cache(config.block_cache_bytes),
            // No stalls: a full budget flushes the writer's memtables early instead.
            write_buffers: WriteBufferManager::new_write_buffer_manager(
                config.write_buffer_bytes,
                false,
            ),
            memtable_bytes: (config.write_buffer_bytes / MEMTABLE_PART)
                .clamp(ARENA_BLOCK_BYTES, MEMTABLE_BYTES),
            max_open_files: config.max_open_files,
            background_jobs: config.background_jobs,
        }
    }

    /// Bytes in use of the block cache.
    pub fn block_cache_usage(&self) -> usize {
        self.cache.get_usage()
    }

    /// Bytes in use of the memtables' budget.
    pub fn write_buffer_usage(&self) -> usize {
        self.write_buffers.get_usage()
    }

    /// Options of a database.
    pub fn database(&self) -> Result<Options, Error> {
        // IMPORTANT: a state that is dropped without `close` leaves on disk what was flushed, no
        // more; the binding has no setter for this option.
        let mut options =
            Options::default().get_options_from_string("avoid_flush_during_shutdown=true")?;
        // IMPORTANT: without a WAL only an atomic flush keeps a store and the offset it claims
        // together; `enable_pipelined_write` would break it.
        options.set_atomic_flush(true);
        options.create_if_missing(true);
        options.set_write_buffer_manager(&self.write_buffers);
        options.set_max_open_files(self.max_open_files);
        options.set_max_background_jobs(self.background_jobs);
        options.set_max_file_opening_threads(1);
        options.set_skip_stats_update_on_db_open(true);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_allow_concurrent_memtable_write(false);
        options.set_log_level(LogLevel::Warn);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(1 << 20);
        Ok(options)
    }

    /// Options of a column family.
    pub fn family(&self) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        table.set_block_size(BLOCK_BYTES);
        table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        // Index and filters count against the one cache.
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        table.set_index_type(BlockBasedIndexType::BinarySearch);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(self.memtable_bytes);
        options.set_arena_block_size(ARENA_BLOCK_BYTES);
        // Keys that are not in the memtable, the common case of a read that gets here, are told
        // by a filter.
        options.set_memtable_prefix_bloom_ratio(0.01);
        options.set_memtable_whole_key_filtering(true);
        options.set_level_compaction_dynamic_level_bytes(true);
        options.set_level_zero_file_num_compaction_trigger(FLUSHED_FILES);
        options
    }
}
