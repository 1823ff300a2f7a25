//! Committed data in RocksDB: one database per task, one column family per store.

use std::fs;
use std::ops::Bound;
use std::path::Path;

use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, ErrorKind, FlushOptions, IngestExternalFileOptions,
    ReadOptions, SstFileWriter, WriteBatch, WriteOptions, properties,
};

use super::backend::{
    Backend, BackendError, BackendResult, BackendStatistics, BatchWriter, FamilyIndex, FlushWait,
    is_empty_range,
};
use super::hand_over::Opening;
use super::ingest::SortedRow;
use super::range::RowVisitor;
use super::rocks_options::RocksResources;

/// The column family RocksDB itself insists on; always empty.
const DEFAULT_FAMILY: &str = "default";
const CURRENT: &str = "CURRENT";
/// A file of sorted rows until it is the database's; no name that RocksDB gives.
const INGESTED: &str = "restored.rows";

/// A task's database.
pub(crate) struct RocksBackend {
    db: DB,
    names: Vec<String>,
    read: ReadOptions,
    write: WriteOptions,
    resources: RocksResources,
    /// After the database, so that it is closed when others may open it.
    opening: Option<Opening>,
}

fn failure(error: &rocksdb::Error) -> BackendError {
    let kind = error.kind();
    let fix = match kind {
        ErrorKind::IOError => {
            "; mend the disk and start again, what it lacks is replayed from the changelogs"
        }
        _ => "",
    };
    BackendError {
        corrupt: kind == ErrorKind::Corruption,
        message: format!("{error}{fix}"),
    }
}

/// When opening, a file that is named but not there is damage too; RocksDB calls it an IO error,
/// as it does a lack of rights or of file handles, which is none.
fn failure_at_open(error: &rocksdb::Error) -> BackendError {
    let failure = failure(error);
    BackendError {
        corrupt: failure.corrupt || failure.message.contains("No such file or directory"),
        ..failure
    }
}

fn io_failure(what: &str, error: &std::io::Error) -> BackendError {
    BackendError {
        corrupt: false,
        message: format!("{what}: {error}"),
    }
}

/// The names of the families a database has; none if there is no database yet.
pub(crate) fn families_on_disk(
    directory: &Path,
    resources: &RocksResources,
) -> BackendResult<Vec<String>> {
    if !directory.join(CURRENT).exists() {
        return match has_table_files(directory) {
            true => Err(BackendError {
                corrupt: true,
                message: format!("there are table files but no {CURRENT}"),
            }),
            false => Ok(Vec::new()),
        };
    }
    let options = resources.database().map_err(|error| failure(&error))?;
    let mut names = DB::list_cf(&options, directory).map_err(|error| failure_at_open(&error))?;
    names.retain(|name| name != DEFAULT_FAMILY);
    Ok(names)
}

/// Visits the rows of a family from a key on, as they are on disk, without opening the database for good.
pub(crate) fn visit_read_only(
    directory: &Path,
    resources: &RocksResources,
    family: &str,
    from: &[u8],
    visit: &mut RowVisitor<'_>,
) -> BackendResult<()> {
    let options = resources.database().map_err(|error| failure(&error))?;
    let db = DB::open_cf_for_read_only(&options, directory, [DEFAULT_FAMILY, family], false)
        .map_err(|error| failure_at_open(&error))?;
    let Some(handle) = db.cf_handle(family) else {
        return Ok(());
    };
    let mut rows = db.raw_iterator_cf(handle);
    rows.seek(from);
    while let Some((key, value)) = rows.item() {
        if visit(key, value).is_break() {
            return Ok(());
        }
        rows.next();
    }
    rows.status().map_err(|error| failure(&error))
}

fn remove_if_there(path: &Path) -> BackendResult<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io_failure("remove restored rows", &error))
        }
        _ => Ok(()),
    }
}

fn has_table_files(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|kind| kind == "sst"))
    })
}

impl RocksBackend {
    /// Opens a database that has exactly the families `names`, or creates it without any.
    pub fn open(
        directory: &Path,
        names: Vec<String>,
        resources: &RocksResources,
    ) -> BackendResult<Self> {
        let options = resources.database().map_err(|error| failure(&error))?;
        let families = names
            .iter()
            .map(String::as_str)
            .chain([DEFAULT_FAMILY])
            .map(|name| ColumnFamilyDescriptor::new(name, resources.family()));
        let db = DB::open_cf_descriptors(&options, directory, families)
            .map_err(|error| failure_at_open(&error))?;
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        Ok(Self {
            db,
            names,
            read: ReadOptions::default(),
            write,
            resources: resources.clone(),
            opening: None,
        })
    }

    /// Keeps other threads from opening it until it is closed.
    pub fn hold(&mut self, opening: Opening) {
        self.opening = Some(opening);
    }

    /// Adds an empty family.
    pub fn create_family(&mut self, name: &str, resources: &RocksResources) -> BackendResult<()> {
        self.db
            .create_cf(name, &resources.family())
            .map_err(|error| failure(&error))?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Drops a family and all its rows.
    pub fn drop_family(&mut self, name: &str) -> BackendResult<()> {
        self.db.drop_cf(name).map_err(|error| failure(&error))?;
        self.names.retain(|other| other != name);
        Ok(())
    }

    /// Where a family is among those that are open.
    pub fn index_of(&self, name: &str) -> Option<FamilyIndex> {
        self.names
            .iter()
            .position(|other| other == name)
            .map(FamilyIndex)
    }

    fn family(&self, family: FamilyIndex) -> BackendResult<&ColumnFamily> {
        self.names
            .get(family.0)
            .and_then(|name| self.db.cf_handle(name))
            .ok_or_else(|| BackendError {
                corrupt: false,
                message: format!("family {} is not open", family.0),
            })
    }

    fn sum(&self, property: &properties::PropName) -> u64 {
        let values = self.names.iter().filter_map(|name| {
            let family = self.db.cf_handle(name)?;
            self.db.property_int_value_cf(family, property).ok()?
        });
        values.sum()
    }

    fn copy_files(&self, to: &Path) -> std::io::Result<()> {
        let from = self.db.path();
        fs::create_dir_all(to)?;
        // IMPORTANT: CURRENT and the manifest before the tables. A table that joins the manifest
        // in between is an orphan in the copy; the other way round it would be missing.
        let current = fs::read_to_string(from.join(CURRENT))?;
        fs::write(to.join(CURRENT), &current)?;
        let manifest = current.trim();
        fs::copy(from.join(manifest), to.join(manifest))?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let name = entry.file_name();
            let skip = name == CURRENT || name == manifest || name == "LOCK";
            if !skip && entry.file_type()?.is_file() {
                match fs::copy(entry.path(), to.join(&name)) {
                    // Temporary, or obsolete before the manifest was copied.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    result => {
                        result?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A batch, with the families looked up once.
struct RocksBatch<'a> {
    batch: WriteBatch,
    families: &'a [&'a ColumnFamily],
}

impl BatchWriter for RocksBatch<'_> {
    fn put(&mut self, family: FamilyIndex, key: &[u8], value: &[u8]) {
        if let Some(family) = self.families.get(family.0) {
            self.batch.put_cf(family, key, value);
        }
    }

    fn delete(&mut self, family: FamilyIndex, key: &[u8]) {
        if let Some(family) = self.families.get(family.0) {
            self.batch.delete_cf(family, key);
        }
    }
}

/// The smallest key after `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    after.extend_from_slice(key);
    after.push(0);
    after
}

impl Backend for RocksBackend {
    fn get(&self, family: FamilyIndex, key: &[u8], value: &mut Vec<u8>) -> BackendResult<bool> {
        let family = self.family(family)?;
        let found = self
            .db
            .get_pinned_cf_opt(family, key, &self.read)
            .map_err(|error| failure(&error))?;
        if let Some(found) = &found {
            value.extend_from_slice(found);
        }
        Ok(found.is_some())
    }

    fn multi_get(
        &self,
        family: FamilyIndex,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> BackendResult<()> {
        let family = self.family(family)?;
        let values =
            self.db
                .batched_multi_get_cf_opt(family, keys.iter().copied(), false, &self.read);
        for (index, value) in values.into_iter().enumerate() {
            let value = value.map_err(|error| failure(&error))?;
            found(index, value.as_deref());
        }
        Ok(())
    }

    fn range(
        &self,
        family: FamilyIndex,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> BackendResult<()> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let family = self.family(family)?;
        let mut options = ReadOptions::default();
        match to {
            Bound::Included(to) => options.set_iterate_upper_bound(successor(to)),
            Bound::Excluded(to) => options.set_iterate_upper_bound(to),
            Bound::Unbounded => {}
        }
        let mut rows = self.db.raw_iterator_cf_opt(family, options);
        match from {
            Bound::Included(from) => rows.seek(from),
            Bound::Excluded(from) => rows.seek(successor(from)),
            Bound::Unbounded => rows.seek_to_first(),
        }
        while let Some((key, value)) = rows.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            rows.next();
        }
        // An iterator that meets damage ends early: only its status tells.
        rows.status().map_err(|error| failure(&error))
    }

    fn write(&self, bytes: usize, fill: &mut dyn FnMut(&mut dyn BatchWriter)) -> BackendResult<()> {
        let families = (0..self.names.len())
            .map(|index| self.family(FamilyIndex(index)))
            .collect::<BackendResult<Vec<_>>>()?;
        let mut batch = RocksBatch {
            batch: WriteBatch::with_capacity_bytes(bytes),
            families: &families,
        };
        fill(&mut batch);
        self.db
            .write_opt(batch.batch, &self.write)
            .map_err(|error| failure(&error))
    }

    fn ingest(
        &self,
        family: FamilyIndex,
        rows: &mut dyn Iterator<Item = SortedRow<'_>>,
    ) -> BackendResult<()> {
        let family = self.family(family)?;
        let path = self.db.path().join(INGESTED);
        // IMPORTANT: removed, never truncated. Whoever was killed between the two steps of moving a file into the database
        // left a second name of a table that lives.
        remove_if_there(&path)?;
        let options = self.resources.family();
        let mut file = SstFileWriter::create(&options);
        file.open(&path).map_err(|error| failure(&error))?;
        for (key, value) in rows {
            let written = match value {
                Some(value) => file.put(key, value),
                None => file.delete(key),
            };
            written.map_err(|error| failure(&error))?;
        }
        file.finish().map_err(|error| failure(&error))?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db
            .ingest_external_file_cf_opts(family, &options, vec![&path])
            .map_err(|error| failure(&error))?;
        remove_if_there(&path)
    }

    fn flush(&self, wait: FlushWait) -> BackendResult<()> {
        let families = (0..self.names.len())
            .map(|index| self.family(FamilyIndex(index)))
            .collect::<BackendResult<Vec<_>>>()?;
        let mut options = FlushOptions::default();
        options.set_wait(wait == FlushWait::Finish);
        // IMPORTANT: all families in one call. Flushing one alone would put rows on disk without
        // the offset that claims them, or the other way round (invariant 6).
        self.db
            .flush_cfs_opt(&families, &options)
            .map_err(|error| failure(&error))
    }

    fn crash_copy(&self, to: &Path) -> BackendResult<()> {
        self.db
            .disable_file_deletions()
            .map_err(|error| failure(&error))?;
        let copied = self
            .copy_files(to)
            .map_err(|error| io_failure("copy the database", &error));
        self.db
            .enable_file_deletions()
            .map_err(|error| failure(&error))?;
        copied
    }

    fn statistics(&self) -> BackendStatistics {
        let database = |property: &properties::PropName| {
            self.db
                .property_int_value(property)
                .ok()
                .flatten()
                .unwrap_or(0)
        };
        BackendStatistics {
            memtable_bytes: self.sum(properties::CUR_SIZE_ALL_MEM_TABLES),
            sst_bytes: self.sum(properties::LIVE_SST_FILES_SIZE),
            estimated_keys: self.sum(properties::ESTIMATE_NUM_KEYS),
            pending_compaction_bytes: self.sum(properties::ESTIMATE_PENDING_COMPACTION_BYTES),
            background_errors: database(properties::BACKGROUND_ERRORS),
            write_stopped: database(properties::IS_WRITE_STOPPED) != 0,
            write_delayed: database(properties::ACTUAL_DELAYED_WRITE_RATE) != 0,
        }
    }
}
