//! Opens a task's database: format version, families that came or went, damage.

use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, BackendError, FamilyIndex, FlushWait};
use super::config::ChangedTopology;
use super::directory::StateDirectory;
use super::disk_format::{
    CARRIER_KEY, OLDEST_VERSION, OWN_FAMILY, VERSION, VERSION_KEY, position_key, read_carrier,
    read_positions, read_version,
};
use super::rocks::{RocksBackend, families_on_disk};
use super::rocks_options::RocksResources;
use super::set_aside::{SetAside, SetAsideReason, word_left};
use crate::{Error, format};

const OPERATION: &str = "open state";

/// What the declared stores want of the database.
pub(crate) struct Wanted<'a> {
    pub stores: &'a [&'a str],
    /// The store whose changelog carries the task's own rows.
    pub carrier: Option<&'a str>,
}

/// A task's database, checked, with all families wanted.
pub(crate) struct OpenDatabase {
    pub backend: Arc<RocksBackend>,
    pub positions: Vec<(String, i64)>,
    pub set_aside: Option<SetAside>,
}

/// Why a database could not be opened.
enum Refusal {
    /// It is damaged: set it aside and begin anew.
    Corrupt(String),
    Other(String),
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        match error.corrupt {
            true => Refusal::Corrupt(error.message),
            false => Refusal::Other(error.message),
        }
    }
}

/// Opens the database at `path`. A damaged one is set aside and an empty one opened in its place.
pub(crate) fn open_database(
    directory: &StateDirectory,
    resources: &RocksResources,
    path: &Path,
    wanted: &Wanted<'_>,
) -> Result<OpenDatabase, Error> {
    let opening = directory.take_over(path)?;
    let mut set_aside = None;
    loop {
        let refusal = match word_left(path) {
            Some(word) => Refusal::Corrupt(word),
            None => match try_open(path, resources, wanted, directory.config().changed_topology) {
                Ok((mut backend, positions)) => {
                    backend.hold(opening);
                    return Ok(OpenDatabase {
                        backend: Arc::new(backend),
                        positions,
                        set_aside,
                    });
                }
                Err(refusal) => refusal,
            },
        };
        match refusal {
            Refusal::Corrupt(detail) if set_aside.is_none() => {
                set_aside = Some(directory.move_aside(path, SetAsideReason::Corrupt, &detail)?);
            }
            Refusal::Corrupt(detail) | Refusal::Other(detail) => {
                return Err(Error::fatal(OPERATION, detail).at(path.display().to_string()));
            }
        }
    }
}

fn try_open(
    path: &Path,
    resources: &RocksResources,
    wanted: &Wanted<'_>,
    changed_topology: ChangedTopology,
) -> Result<(RocksBackend, Vec<(String, i64)>), Refusal> {
    let on_disk = families_on_disk(path, resources)?;
    let is_wanted = |name: &str| name == OWN_FAMILY || wanted.stores.contains(&name);
    let unknown: Vec<String> = on_disk
        .iter()
        .filter(|name| !is_wanted(name))
        .cloned()
        .collect();
    if !unknown.is_empty() && changed_topology == ChangedTopology::Refuse {
        return Err(Refusal::Other(format!(
            "stores on disk that the topology does not have: {}; bring them back, or start once with \
             migrate_state set (--migrate-state) to drop them",
            unknown.join(", ")
        )));
    }
    let is_new = on_disk.is_empty();
    let mut backend = RocksBackend::open(path, on_disk.clone(), resources)?;
    if is_new {
        // The own family first: a database without it was never used.
        backend.create_family(OWN_FAMILY, resources)?;
    }
    let own = own_family(&backend)?;
    check_version(&backend, own)?;
    check_carrier(&backend, own, wanted.carrier)?;
    let positions = drop_stale_positions(&backend, own, |store| {
        on_disk.iter().any(|name| name == store) && wanted.stores.contains(&store)
    })?;
    for name in &unknown {
        tracing::warn!(path = %path.display(), store = name, "dropping a store that the topology does not have");
        backend.drop_family(name)?;
    }
    for name in wanted.stores {
        if backend.index_of(name).is_none() {
            backend.create_family(name, resources)?;
        }
    }
    let own = own_family(&backend)?;
    backend.write(0, &mut |batch| {
        batch.put(own, VERSION_KEY, &VERSION.to_be_bytes());
        if let Some(carrier) = wanted.carrier {
            batch.put(own, CARRIER_KEY, carrier.as_bytes());
        }
    })?;
    Ok((backend, positions))
}

fn own_family(backend: &RocksBackend) -> Result<FamilyIndex, Refusal> {
    backend
        .index_of(OWN_FAMILY)
        .ok_or_else(|| Refusal::Corrupt(format!("family {OWN_FAMILY} is missing")))
}

/// No version means that nothing was ever flushed. Whoever raises [`VERSION`] above [`OLDEST_VERSION`] converts here what
/// is older, in the batch that stamps it.
fn check_version(backend: &RocksBackend, own: FamilyIndex) -> Result<(), Refusal> {
    match read_version(backend, own)? {
        None | Some(OLDEST_VERSION..=VERSION) => Ok(()),
        Some(found) => Err(Refusal::Other(format::refusal(
            "the state on disk",
            found,
            OLDEST_VERSION,
            VERSION,
        ))),
    }
}

fn check_carrier(
    backend: &RocksBackend,
    own: FamilyIndex,
    wanted: Option<&str>,
) -> Result<(), Refusal> {
    match read_carrier(backend, own)? {
        Some(found) if wanted != Some(found.as_str()) => Err(Refusal::Other(format!(
            "timers and clocks travel in the changelog of store {found}, but the topology would use \
             that of {}; declare {found} as the first persistent store with a changelog",
            wanted.unwrap_or("no store"),
        ))),
        _ => Ok(()),
    }
}

/// Forgets positions of stores whose family is not there, and returns the others.
fn drop_stale_positions(
    backend: &RocksBackend,
    own: FamilyIndex,
    is_kept: impl Fn(&str) -> bool,
) -> Result<Vec<(String, i64)>, Refusal> {
    let (kept, stale): (Vec<_>, Vec<_>) = read_positions(backend, own)?
        .into_iter()
        .partition(|(store, _)| is_kept(store));
    if !stale.is_empty() {
        backend.write(0, &mut |batch| {
            for (store, _) in &stale {
                batch.delete(own, &position_key(store));
            }
        })?;
        // IMPORTANT: on disk before any family is created or dropped, which is durable at once. A
        // position that outlived its rows would make an empty store pass for a restored one.
        backend.flush(FlushWait::Finish)?;
    }
    Ok(kept)
}
