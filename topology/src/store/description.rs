//! What the state in a directory was built by: the file `topology.json` beside the directories of the tasks.
//!
//! It is written at the start and compared at the next one, before any state is opened. Version 0 is `partitions.json`,
//! which knew the partition counts alone; it is read where there is no `topology.json`, and left for a rollback.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::spec::{StoreKind, StoreSpec};
use crate::{Error, format};

const FILE: &str = "topology.json";
const FILE_OF_VERSION_0: &str = "partitions.json";
/// The version this program writes, and the newest it reads.
const VERSION: u32 = 1;

/// A topology as far as state hangs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateDescription {
    version: u32,
    /// Directories of tasks are being given new numbers; see `migration.rs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moving: bool,
    /// The sub-topologies that have stores, by number.
    pub subtopologies: Vec<DescribedPart>,
    /// Names of the committed counters.
    pub counters: Vec<String>,
}

/// A sub-topology with stores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DescribedPart {
    pub number: u32,
    /// With how many partitions its state was built; a key's partition depends on it.
    pub partitions: Option<i32>,
    /// Topics that it reads, without the application id.
    pub sources: Vec<String>,
    /// Its nodes, each with the id that its timers have.
    pub nodes: BTreeMap<String, u16>,
    /// In the order of declaration.
    pub stores: Vec<DescribedStore>,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DescribedStore {
    pub name: String,
    pub kind: DescribedKind,
    pub changelog: bool,
}

/// [`StoreKind`], as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DescribedKind {
    Persistent,
    InMemory,
}

impl DescribedStore {
    pub fn of(spec: &StoreSpec) -> Self {
        Self {
            name: spec.name.clone(),
            kind: match spec.kind {
                StoreKind::Persistent => DescribedKind::Persistent,
                StoreKind::InMemory => DescribedKind::InMemory,
            },
            changelog: spec.changelog,
        }
    }
}

impl DescribedPart {
    /// The store whose changelog carries the task's own rows; as [`TaskState::open`](super::TaskState::open) chooses it.
    pub fn carrier(&self) -> Option<&str> {
        let logged = || self.stores.iter().filter(|store| store.changelog);
        let persistent = logged().find(|store| store.kind == DescribedKind::Persistent);
        persistent
            .or_else(|| logged().next())
            .map(|store| store.name.as_str())
    }
}

impl StateDescription {
    pub fn new(subtopologies: Vec<DescribedPart>, counters: Vec<String>) -> Self {
        Self {
            version: VERSION,
            moving: false,
            subtopologies,
            counters,
        }
    }

    /// Partitions of the task that holds each store, by the store's name.
    pub fn partitions(&self) -> BTreeMap<String, i32> {
        let parts = self.subtopologies.iter();
        let counts = parts.flat_map(|part| {
            let stores = part.stores.iter();
            stores.filter_map(|store| Some((store.name.clone(), part.partitions?)))
        });
        counts.collect()
    }

    /// Takes over partition counts, by store.
    pub fn set_partitions(&mut self, counts: &BTreeMap<String, i32>) {
        for part in &mut self.subtopologies {
            let mut stores = part.stores.iter();
            part.partitions = stores.find_map(|store| counts.get(&store.name).copied());
        }
    }
}

/// What the directory says; `None` where it never said anything.
///
/// # Errors
/// Fatal when the file is of another version, or cannot be read.
pub(super) fn read(root: &Path) -> Result<Option<StateDescription>, Error> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Some(Version { version }) = parse(root, FILE)? else {
        return Ok(None);
    };
    if version != VERSION {
        let path = root.join(FILE).display().to_string();
        let detail = format::refusal(&path, version, VERSION, VERSION);
        return Err(Error::fatal("read the state directory", detail));
    }
    parse(root, FILE)
}

/// The partition counts of version 0, by store.
///
/// # Errors
/// Fatal when the file is there and cannot be read.
pub(super) fn read_version_0(root: &Path) -> Result<BTreeMap<String, i32>, Error> {
    Ok(parse(root, FILE_OF_VERSION_0)?.unwrap_or_default())
}

fn parse<T: DeserializeOwned>(root: &Path, file: &str) -> Result<Option<T>, Error> {
    let path = root.join(file);
    let failed = |error: &dyn std::fmt::Display| {
        let detail = format!(
            "{}: {error}; restore the file, or move {} away: what has a changelog is restored from it",
            path.display(),
            root.display()
        );
        Error::fatal("read the state directory", detail)
    };
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| failed(&error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

/// Writes it anew, wholly or not at all.
///
/// # Errors
/// Fatal when the directory cannot be written.
pub(super) fn write(root: &Path, description: &StateDescription) -> Result<(), Error> {
    let path = root.join(FILE);
    let new = root.join(format!("{FILE}.new"));
    let written = || -> std::io::Result<()> {
        let mut file = fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(description)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        fs::File::open(root)?.sync_all()
    };
    written().map_err(|error| {
        let detail = format!("{}: {error}; make it writable", path.display());
        Error::fatal("write the state directory", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

    fn described() -> StateDescription {
        let part = DescribedPart {
            number: 0,
            partitions: Some(4),
            sources: vec!["order.events.v1".to_owned()],
            nodes: BTreeMap::from([("judge".to_owned(), 48_879)]),
            stores: vec![
                DescribedStore::of(&StoreSpec::persistent("orders")),
                DescribedStore::of(&StoreSpec::in_memory("scratch")),
            ],
        };
        StateDescription::new(vec![part], vec!["APPLIED/".to_owned()])
    }

    #[test]
    fn the_file_is_pinned() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path()).unwrap(), None);
        write(root.path(), &described()).unwrap();
        let written = fs::read_to_string(root.path().join(FILE)).unwrap();
        let pinned = fs::read_to_string(format!("{FIXTURES}/topology-1.json")).unwrap();
        assert_eq!(
            written,
            pinned.trim_end(),
            "raise the version (docs/formats.md), and keep the old fixture and its reading"
        );
        assert_eq!(read(root.path()).unwrap(), Some(described()));
    }

    #[test]
    fn version_0_knew_the_partition_counts() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read_version_0(root.path()).unwrap(), BTreeMap::new());
        let fixture = format!("{FIXTURES}/partitions-0.json");
        fs::copy(fixture, root.path().join(FILE_OF_VERSION_0)).unwrap();
        let counts = read_version_0(root.path()).unwrap();
        let expected = [("orders".to_owned(), 4), ("parked".to_owned(), 4)];
        assert_eq!(counts, BTreeMap::from(expected));
        let mut description = described();
        description.set_partitions(&counts);
        assert_eq!(description, described());
    }

    #[test]
    fn a_newer_version_and_what_is_broken_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            fs::write(root.path().join(FILE), text).unwrap();
            read(root.path()).unwrap_err().to_string()
        };
        let told = refused("{\"version\":2,\"whatever\":[]}");
        assert!(told.contains("topology.json has format 2"), "{told}");
        assert!(
            told.contains("reads format 1; it was written by a newer program"),
            "{told}"
        );
        let told = refused("{\"version\":1,");
        assert!(told.contains("restore the file, or move"), "{told}");
    }
}
