//! A topology meets the state that another one built: what fits passes, what does not is refused, or migrated when asked.
//!
//! Directories get new numbers in steps that a kill may interrupt anywhere:
//!
//! 1. every directory that moves is renamed to `<old>.becomes-<new>`;
//! 2. `topology.json` is written with the new topology and the word that directories are being moved;
//! 3. they are renamed to `<new>`;
//! 4. the word is taken out.
//!
//! Who finds names of step 1 without the word takes them back, who finds the word goes on with step 3.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::config::ChangedTopology;
use super::description::{self, DescribedPart, StateDescription};
use super::differences::{Difference, OnDisk, differences, moves};
use super::directory::StateDirectory;
use super::disk_format::OWN_FAMILY;
use super::rocks::visit_read_only;
use super::rocks_options::RocksResources;
use super::timers::{TIMER_TAG, Timer};
use crate::Error;
use crate::task::TaskId;

const OPERATION: &str = "check the state directory";
const BECOMES: &str = ".becomes-";

impl StateDirectory {
    /// Compares the topology with the one that built what is here. Nothing of the state may be open yet.
    ///
    /// # Errors
    /// Fatal when they do not fit: all differences at once, each with its fix. So is what cannot be read or moved.
    pub(crate) fn adopt(&self, now: &StateDescription) -> Result<(), Error> {
        let Some((root, resources)) = self.disk() else {
            return Ok(());
        };
        let Some(mut before) = description::read(root)? else {
            return Ok(());
        };
        settle(root, before.moving)?;
        if std::mem::take(&mut before.moving) {
            description::write(root, &before)?;
        }
        let disk = Tasks {
            root,
            resources,
            ids: self.tasks_on_disk(),
        };
        let found = differences(&before, now, &disk);
        tell_harmless(&before, now);
        if found.is_empty() {
            return Ok(());
        }
        let may = self.config().changed_topology == ChangedTopology::Migrate;
        if !may || !found.iter().all(Difference::can_migrate) {
            return Err(refused(root, &found, may));
        }
        for difference in &found {
            tracing::warn!(path = %root.display(), "migrating the state: {difference}");
        }
        drop_vanished(&disk, &before, now)?;
        renumber(&disk, &before, now)
    }
}

fn refused(root: &Path, found: &[Difference], asked: bool) -> Error {
    let list: Vec<String> = found.iter().map(Difference::to_string).collect();
    let all = found.iter().all(Difference::can_migrate);
    let fix = match (all, asked) {
        (true, _) => {
            "Go back to the topology that built it, or start once with migrate_state set (--migrate-state) to migrate it"
        }
        (false, true) => {
            "Not all of it can be migrated, so nothing was. Go back to the topology that built it, or reset the application"
        }
        (false, false) => {
            "Go back to the topology that built it, or reset the application, which builds its state anew"
        }
    };
    let detail = format!(
        "the state in {} was built by another topology: {}. {fix}",
        root.display(),
        list.join("; ")
    );
    Error::fatal(OPERATION, detail)
}

/// What changed and costs nothing.
fn tell_harmless(before: &StateDescription, now: &StateDescription) {
    for counter in &before.counters {
        if !now.counters.contains(counter) {
            tracing::info!(
                counter,
                "a counter is gone from the topology; its counts are kept"
            );
        }
    }
    for part in &before.subtopologies {
        let after = now
            .subtopologies
            .iter()
            .find(|after| after.number == part.number);
        for source in after
            .iter()
            .flat_map(|after| gone(&part.sources, &after.sources))
        {
            let subtopology = part.number;
            tracing::warn!(
                subtopology,
                topic = source,
                "an input is gone from the topology; what was built from it stays"
            );
        }
    }
}

fn gone<'a>(before: &'a [String], now: &'a [String]) -> impl Iterator<Item = &'a String> {
    before.iter().filter(|name| !now.contains(name))
}

/// The directories of the tasks.
struct Tasks<'a> {
    root: &'a Path,
    resources: &'a RocksResources,
    ids: Vec<TaskId>,
}

impl Tasks<'_> {
    fn of(&self, part: u32) -> impl Iterator<Item = TaskId> {
        let ids = self.ids.iter().copied();
        ids.filter(move |id| id.subtopology == part)
    }

    fn path(&self, id: TaskId) -> PathBuf {
        self.root.join(id.to_string())
    }
}

impl OnDisk for Tasks<'_> {
    fn has_tasks(&self, part: u32) -> bool {
        self.of(part).next().is_some()
    }

    /// What cannot be read now is found out when the state is opened.
    fn timers(&self, part: u32, node: u16) -> u64 {
        let mut count = 0;
        for id in self.of(part) {
            let visited = visit_read_only(
                &self.path(id),
                self.resources,
                OWN_FAMILY,
                &[TIMER_TAG],
                &mut |row, _| {
                    count += u64::from(Timer::decode(row).is_some_and(|timer| timer.node == node));
                    ControlFlow::Continue(())
                },
            );
            if let Err(error) = visited {
                tracing::debug!(task = %id, "cannot look for timers: {}", error.message);
            }
        }
        count
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    let detail = format!(
        "{}: {error}; move by hand what is in the way, and start again",
        path.display()
    );
    Error::fatal("migrate the state", detail)
}

/// Directories of sub-topologies of which no store is left are deleted; stores of others are dropped when these are opened.
fn drop_vanished(
    disk: &Tasks<'_>,
    before: &StateDescription,
    now: &StateDescription,
) -> Result<(), Error> {
    let known = |part: &DescribedPart| {
        let mut declared = now.subtopologies.iter().flat_map(|part| &part.stores);
        declared.any(|store| part.stores.iter().any(|known| known.name == store.name))
    };
    for part in before.subtopologies.iter().filter(|part| !known(part)) {
        for id in disk.of(part.number) {
            let path = disk.path(id);
            tracing::warn!(task = %id, "deleting the state of a sub-topology that is gone");
            fs::remove_dir_all(&path).map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(())
}

fn renumber(
    disk: &Tasks<'_>,
    before: &StateDescription,
    now: &StateDescription,
) -> Result<(), Error> {
    let moves = moves(before, now);
    let mut any = false;
    for (from, to) in moves.iter().filter(|(from, to)| from != to) {
        for id in disk.of(*from) {
            let new = TaskId {
                subtopology: *to,
                partition: id.partition,
            };
            rename(
                &disk.path(id),
                &disk.root.join(format!("{id}{BECOMES}{new}")),
            )?;
            any = true;
        }
    }
    if !any {
        return Ok(());
    }
    let mut after = now.clone();
    let counts: BTreeMap<String, i32> = before.partitions();
    after.set_partitions(&counts);
    after.moving = true;
    description::write(disk.root, &after)?;
    settle(disk.root, true)?;
    after.moving = false;
    description::write(disk.root, &after)
}

/// Gives directories that were being moved their new names, or their old ones back.
fn settle(root: &Path, forward: bool) -> Result<(), Error> {
    let entries = fs::read_dir(root).map_err(|error| failed(root, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((old, new)) = name.to_str().and_then(|name| name.split_once(BECOMES)) else {
            continue;
        };
        let name = if forward { new } else { old };
        rename(&entry.path(), &root.join(name))?;
        tracing::info!(
            task = name,
            "a directory of a task that was being moved has its place"
        );
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|error| failed(to, &error))
}
