//! The one list of the engine's metrics. Registration and documentation are made from it.
//!
//! Base units; `_total`, `_seconds`, `_bytes` as Prometheus names them; moments are Unix timestamps, so that they stay
//! right when nobody updates them; counts of records move when a transaction is committed, never before.

use super::spec::{MetricKind, MetricSpec};
use MetricKind::{Counter, Gauge, Histogram};

/// Steps of the loop and of a commit; 0.1 s is the commit interval.
const STEP: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0,
];
/// From record to commit: boundaries at the objectives of 0.1 and 0.25 s, and far beyond, for backlogs.
const LATENCY: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// From assignment to running.
const RESTORE: &[f64] = &[0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

macro_rules! list {
    ($($NAME:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $NAME: MetricSpec = MetricSpec {
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
            };
        )+
        /// Every metric of the engine.
        pub const ALL: &[&MetricSpec] = &[$(&$NAME),+];
    };
}

list! {
    RECORDS_IN = "topology_records_in_total", Counter, ["topic", "kind"],
        "Records processed in committed transactions; kind is source, or repartition for what the engine hands itself.";
    RECORDS_OUT = "topology_records_out_total", Counter, ["topic", "kind"],
        "Records written in committed transactions; kind is sink, repartition, changelog or dead_letter.";
    DEAD_LETTERS = "topology_dead_letters_total", Counter, ["class", "reason"],
        "Records sent to the dead-letter topic in committed transactions.";
    END_TO_END_LATENCY = "topology_end_to_end_latency_seconds", Histogram(LATENCY), [],
        "From the timestamp of a record of a source topic to the commit of what it caused.";
    PROCESS = "topology_process_seconds", Histogram(STEP), [],
        "Duration of a turn of a thread's loop in its operators, where it processed records.";
    POLL = "topology_poll_seconds", Histogram(STEP), [],
        "Duration of a turn's reading of the inputs, where it brought records.";
    PUNCTUATE = "topology_punctuate_seconds", Histogram(STEP), [],
        "Duration of a turn's timers and punctuations, where any ran.";
    COMMIT = "topology_commit_seconds", Histogram(STEP), [],
        "Duration of commits that had something to commit and succeeded.";
    COMMIT_PHASE = "topology_commit_phase_seconds", Histogram(STEP), ["phase"],
        "Time spent in each phase between two commits; committing is the wait for the broker, store_batch the write to RocksDB.";
    TRANSACTIONS = "topology_transactions_total", Counter, ["result"],
        "Transactions by result; fenced counts the rebuilds of clients and tasks.";
    REBALANCES = "topology_rebalances_total", Counter, ["event"],
        "Events of the group protocol: partitions assigned, revoked in order, or lost.";
    RESTORED_RECORDS = "topology_restored_records_total", Counter, [],
        "Changelog records read to restore state.";
    RESTORE_DURATION = "topology_restore_seconds", Histogram(RESTORE), [],
        "Duration from assignment to running, per task.";
    RESTORE_REMAINING = "topology_restore_remaining_offsets", Gauge, [],
        "Changelog offsets still to be read before all tasks run; 0 when all do.";
    RESTORE_ETA = "topology_restore_eta_seconds", Gauge, [],
        "Seconds until all tasks run, at the pace of the restore so far; 0 when all do.";
    STANDBY_TASKS = "topology_standby_tasks", Gauge, [],
        "Copies of tasks that other instances run, kept up to date here.";
    STANDBY_LAG = "topology_standby_lag_offsets", Gauge, [],
        "Changelog offsets that the copies are behind, all of them together; 0 once the ends were seen.";
    STANDBY_RESTORED = "topology_standby_restored_records_total", Counter, [],
        "Changelog records read to keep copies up to date.";
    STATES_SET_ASIDE = "topology_states_set_aside_total", Counter, ["reason"],
        "State directories moved aside because they were damaged or did not continue in the changelog.";
    TASKS = "topology_tasks", Gauge, ["state"],
        "Tasks of this instance by state.";
    TASK_PAUSED = "topology_task_paused", Gauge, ["task"],
        "1 while a task takes no records because too many were dead-lettered, until somebody resumes it; else 0.";
    LAG = "topology_consumer_lag_records", Gauge, ["topic", "partition"],
        "Offsets between position and last stable offset; 0 once the end was seen.";
    LAG_SECONDS = "topology_consumer_lag_seconds", Gauge, ["topic", "partition"],
        "How long ago, by its timestamp, the oldest record came that is not processed yet; 0 once the end was seen.";
    STREAM_TIME = "topology_stream_time_seconds", Gauge, ["task"],
        "Stream time of a task as a Unix timestamp: the largest record timestamp processed.";
    WATERMARK = "topology_watermark_timestamp_seconds", Gauge, ["task"],
        "Watermark of a task that takes part in a windowed aggregation, as a Unix timestamp: how far it has come in event time.";
    MEMORY = "topology_memory_share_bytes", Gauge, ["share"],
        "What parts of the process may take of the memory budget: stores, uncommitted changes and outputs, queues of inputs and restores, the rest; together they are the budget. 0 without one.";
    RESIDENT = "topology_memory_resident_bytes", Gauge, [],
        "What the process holds in memory, as the kernel tells it; to be compared with the budget. 0 where it does not tell.";
    CACHED = "topology_state_cached_bytes", Gauge, [],
        "Committed entries kept in memory above RocksDB.";
    DIRTY = "topology_state_dirty_bytes", Gauge, [],
        "Changes of state not yet committed.";
    UNFLUSHED_RECORDS = "topology_state_unflushed_records", Gauge, [],
        "Changelog records that a killed process would replay.";
    UNFLUSHED_BYTES = "topology_state_unflushed_bytes", Gauge, [],
        "Size of the changelog records that a killed process would replay.";
    KEYS = "topology_state_estimated_keys", Gauge, [],
        "Keys in all stores, as RocksDB estimates them.";
    MEMTABLES = "topology_rocksdb_memtable_bytes", Gauge, [],
        "RocksDB's memtables, flushed ones that are still referenced included.";
    BLOCK_CACHE = "topology_rocksdb_block_cache_bytes", Gauge, [],
        "RocksDB's block cache, shared by all tasks of the process.";
    DISK = "topology_rocksdb_disk_bytes", Gauge, [],
        "RocksDB's table files on disk.";
    PENDING_COMPACTION = "topology_rocksdb_pending_compaction_bytes", Gauge, [],
        "What RocksDB's compaction has yet to rewrite.";
    WRITE_STALLS = "topology_rocksdb_write_stalled_tasks", Gauge, ["stall"],
        "Tasks whose RocksDB slows writes down (delayed) or takes none (stopped) until a flush or compaction is done.";
    BACKGROUND_ERRORS = "topology_rocksdb_background_errors", Gauge, [],
        "Failed flushes and compactions of the databases open now; anything but 0 wants a look at the disk.";
}
