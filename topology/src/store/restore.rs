//! Restore: changelog records straight to the backend.

use super::backend::FlushWait;
use super::changelog_key::{ChangelogKey, VALUE_FORMAT, decode};
use super::disk_format::{changelog_topic_key, position_key};
use super::spec::StoreId;
use super::task_state::TaskState;
use crate::io::TopicId;
use crate::{Error, format};

/// A batch is written once it has this many bytes.
const BATCH_BYTES: usize = 8 << 20;
/// A sorted file is written once so many bytes are collected for it.
const FILE_BYTES: usize = 16 << 20;
/// What a record costs in memory besides its bytes.
const RECORD_BYTES: usize = 32;

/// A changelog record: key, and value unless it is a tombstone.
pub type ChangelogRecord<'a> = (&'a [u8], Option<&'a [u8]>);

impl TaskState {
    /// The next changelog offset to restore a store from, as committed; `None` is the beginning.
    pub fn changelog_position(&self, store: StoreId) -> Option<i64> {
        self.stores.get(store.index())?.position
    }

    /// The changelog topic to which the position of a store on disk belongs; `None` if that is not known, as in what
    /// was written before topics had ids here.
    ///
    /// # Errors
    ///
    /// Fatal if the backend cannot be read.
    pub fn changelog_topic(&mut self, store: StoreId) -> Result<Option<TopicId>, Error> {
        self.check()?;
        let target = self.store(store)?;
        let (durable, key) = (target.home.durable, changelog_topic_key(&target.spec.name));
        let mut value = Vec::new();
        let own = &self.own_home;
        let found = durable && own.durable;
        let found = match found {
            true => own.backend.get(own.family, &key, &mut value),
            false => Ok(false),
        };
        match found {
            Ok(found) => Ok(value
                .as_slice()
                .try_into()
                .ok()
                .filter(|_| found)
                .map(TopicId)),
            Err(error) => Err(self.fail("read the changelog's topic id", error)),
        }
    }

    /// Remembers the changelog topic of a store on disk. To be called before positions of that topic are written: all
    /// families are flushed together, so no position is on disk without the topic it belongs to.
    ///
    /// # Errors
    ///
    /// Fatal if the backend cannot be written.
    pub fn set_changelog_topic(&mut self, store: StoreId, topic: TopicId) -> Result<(), Error> {
        self.check()?;
        let target = self.store(store)?;
        let (durable, key) = (target.home.durable, changelog_topic_key(&target.spec.name));
        let own = &self.own_home;
        if !durable || !own.durable {
            return Ok(());
        }
        let written = own
            .backend
            .write(0, &mut |batch| batch.put(own.family, &key, &topic.0));
        written.map_err(|error| self.fail("write the changelog's topic id", error))
    }

    /// Applies records of a store's changelog, in the order of the topic, past the overlay.
    /// `next_offset` is the position after the last of them, written in the same batch; without
    /// records it only moves the position. Applying records again does no harm. Between [`TaskState::begin_ingest`] and
    /// [`TaskState::end_ingest`] rows and position are written later, many at a time.
    ///
    /// # Errors
    ///
    /// Fatal if the store has no changelog, if there are uncommitted changes, on reserved keys this version does not know or that
    /// belong to another store's changelog, and on a failed write.
    pub fn restore<'r>(
        &mut self,
        store: StoreId,
        records: &mut dyn Iterator<Item = ChangelogRecord<'r>>,
        next_offset: i64,
    ) -> Result<(), Error> {
        self.check()?;
        if self.is_dirty() {
            return Err(self.error("restore store", "there are uncommitted changes".to_owned()));
        }
        let target = self.store(store)?;
        if !target.spec.changelog {
            let name = target.spec.name.clone();
            return Err(self.error("restore store", format!("{name} has no changelog")));
        }
        target.overlay.clear();
        if target.collected.is_some() {
            return self.collect(store, records, next_offset);
        }
        let (home, name) = (target.home.clone(), target.spec.name.clone());
        let is_carrier = self.carrier == Some(store);
        let own_family = self.own_home.family;
        let mut refused = None;
        let mut own_rows = false;
        loop {
            let (mut count, mut bytes, mut ended) = (0_u64, 0, false);
            let written = home.backend.write(BATCH_BYTES.min(1 << 16), &mut |batch| {
                while bytes < BATCH_BYTES {
                    let Some((key, value)) = records.next() else {
                        ended = true;
                        break;
                    };
                    match row(key, value, is_carrier) {
                        Ok(Row::Store(key)) => batch.apply(home.family, key, value),
                        Ok(Row::Own(row, value)) => {
                            own_rows = true;
                            batch.apply(own_family, row, value);
                        }
                        Err(why) => {
                            refused = Some(why);
                            break;
                        }
                    }
                    count += 1;
                    bytes += key.len() + value.map_or(0, <[u8]>::len) + RECORD_BYTES;
                }
                // IMPORTANT: the position goes with the last rows it claims. Batches before keep
                // the old one: replaying them again is harmless.
                if ended && home.durable {
                    batch.put(own_family, &position_key(&name), &next_offset.to_be_bytes());
                }
            });
            if let Err(error) = written {
                return Err(self.fail("restore store", error));
            }
            self.unflushed.records += count;
            self.unflushed.bytes += bytes;
            if let Some(refused) = refused {
                return Err(self.refused(&name, &refused));
            }
            if ended {
                break;
            }
        }
        self.unflushed.commits += 1;
        self.store(store)?.position = Some(next_offset);
        if own_rows {
            self.own_restored()?;
        }
        Ok(())
    }

    fn refused(&self, store: &str, why: &str) -> Error {
        self.error("restore store", format!("the changelog of {store}: {why}"))
    }

    fn own_restored(&mut self) -> Result<(), Error> {
        self.timers.restored();
        self.reload_own()
    }

    /// A long restore begins: from now on rows are collected and written as sorted files, which [`TaskState::end_ingest`] ends.
    /// Does nothing for a store in memory.
    ///
    /// # Errors
    ///
    /// Fatal if the store is unknown or the state has failed before.
    pub fn begin_ingest(&mut self, store: StoreId) -> Result<(), Error> {
        self.check()?;
        let target = self.store(store)?;
        if target.home.durable {
            target.collected.get_or_insert_default();
        }
        Ok(())
    }

    /// Writes what is collected; rows restored from now on go the ordinary way.
    ///
    /// # Errors
    ///
    /// Fatal if the backend cannot be written.
    pub fn end_ingest(&mut self, store: StoreId) -> Result<(), Error> {
        self.check()?;
        self.ingest(store)?;
        self.store(store)?.collected = None;
        Ok(())
    }

    /// Keeps records for a sorted file, and writes it once there is enough for one.
    fn collect<'r>(
        &mut self,
        store: StoreId,
        records: &mut dyn Iterator<Item = ChangelogRecord<'r>>,
        next_offset: i64,
    ) -> Result<(), Error> {
        let is_carrier = self.carrier == Some(store);
        let file_bytes = FILE_BYTES.min(self.directory.config().flush_bytes);
        let target = self.store(store)?;
        let Some(collected) = &mut target.collected else {
            return Ok(());
        };
        for (key, value) in records {
            match row(key, value, is_carrier) {
                Ok(Row::Store(key)) => collected.rows.push(key, value),
                Ok(Row::Own(row, value)) => collected.own_rows.push(row, value),
                Err(why) => {
                    let name = target.spec.name.clone();
                    return Err(self.refused(&name, &why));
                }
            }
        }
        collected.next_offset = Some(next_offset);
        match collected.bytes() >= file_bytes {
            true => self.ingest(store),
            false => Ok(()),
        }
    }

    /// Gives up what a long restore has collected and not written yet: no position claims it.
    pub(crate) fn drop_collected(&mut self) {
        for store in &mut self.stores {
            store.collected = None;
        }
    }

    fn ingest(&mut self, store: StoreId) -> Result<(), Error> {
        let own_family = self.own_home.family;
        let target = self.store(store)?;
        let (home, key) = (target.home.clone(), position_key(&target.spec.name));
        let Some(collected) = &mut target.collected else {
            return Ok(());
        };
        // IMPORTANT: the position after the rows, which are on disk for good then: a position that is too low makes rows
        // be restored again, which does no harm.
        let backend = home.backend.as_ref();
        let rows = collected.rows.write(backend, home.family);
        let own = rows.and_then(|_| collected.own_rows.write(backend, own_family));
        let written = own.and_then(|own_rows| {
            let reached = collected.next_offset.take();
            if let Some(next_offset) = reached {
                backend.write(0, &mut |batch| {
                    batch.put(own_family, &key, &next_offset.to_be_bytes());
                })?;
            }
            Ok((own_rows, reached))
        });
        let (own_rows, reached) = written.map_err(|error| self.fail("restore store", error))?;
        if own_rows {
            self.own_restored()?;
        }
        let Some(next_offset) = reached else {
            return Ok(());
        };
        self.store(store)?.position = Some(next_offset);
        // Else a restore that is killed would have the rows, but no position that says so.
        self.flush_with(FlushWait::Finish)
    }
}

/// What a changelog record is for.
enum Row<'a> {
    /// A row of the store, by its key.
    Store(&'a [u8]),
    /// A row of the task's own family, with its value.
    Own(&'a [u8], Option<&'a [u8]>),
}

/// What a changelog record is for, or why it is not read.
fn row<'a>(key: &'a [u8], value: Option<&'a [u8]>, is_carrier: bool) -> Result<Row<'a>, String> {
    match decode(key) {
        Some(ChangelogKey::Store(key)) => Ok(Row::Store(key)),
        Some(ChangelogKey::Own(row)) if is_carrier => Ok(Row::Own(row, strip_format(value)?)),
        Some(ChangelogKey::Own(_)) => Err(
            "it has timers and clocks of the task, which belong to another store's changelog now; declare this store as \
             the first persistent one"
                .to_owned(),
        ),
        None => Err(
            "it has a reserved key of a kind that this program does not know; run the newer program that wrote it, or \
             reset the application"
                .to_owned(),
        ),
    }
}

/// A reserved value without its format version, or why it is not read.
fn strip_format(value: Option<&[u8]>) -> Result<Option<&[u8]>, String> {
    let Some(value) = value else {
        return Ok(None);
    };
    let (format, rest) = value.split_first().unwrap_or((&0, &[]));
    match *format {
        VALUE_FORMAT => Ok(Some(rest)),
        other => {
            let (found, newest) = (u32::from(other), u32::from(VALUE_FORMAT));
            Err(format::refusal("a reserved value", found, newest, newest))
        }
    }
}
