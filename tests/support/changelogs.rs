//! What the disks hold against what the changelogs say, row by row, in every family.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jumun::job::JobOptions;
use jumun_harness::{Isolation, Kafka, Record};
use topology::graph::SubTopology;
use topology::store::{StateConfig, StateDirectory, StoreId, StoreSpec, TaskState};
use topology::task::TaskId;

type Row = (String, Vec<u8>, Vec<u8>);

/// What the comparison of all directories found.
#[derive(Debug, Default)]
pub struct Folded {
    /// Directories that were compared, of how many tasks.
    pub directories: usize,
    pub rows: usize,
    /// Tasks of which a directory reaches the end of every changelog.
    pub complete: BTreeMap<TaskId, usize>,
    /// What differs, and what was set aside.
    pub differences: Vec<String>,
}

/// Compares every task directory below these with the fold of the changelogs up to the offset that the directory claims.
/// Nothing may be compacted in between, or older directories cannot be judged.
pub fn compare_with_changelogs(kafka: &Kafka, application: &str, roots: &[PathBuf]) -> Folded {
    let topology = jumun::job::topology(&JobOptions::default())
        .build()
        .unwrap();
    let mut folded = Folded::default();
    for part in topology.subtopologies() {
        let changelogs: Vec<(StoreId, Vec<Record>)> = (0..)
            .map(StoreId)
            .zip(part.stores())
            .filter(|(_, spec)| spec.changelog)
            .map(|(store, spec)| {
                let topic = SubTopology::changelog_topic(application, &spec.name);
                let records = kafka.consume_all(&topic, Isolation::ReadCommitted).unwrap();
                (store, records)
            })
            .collect();
        for root in roots {
            compare_root(root, part, &changelogs, &mut folded);
        }
    }
    for root in roots {
        folded.differences.extend(set_aside(root));
    }
    folded
}

fn compare_root(
    root: &Path,
    part: &SubTopology,
    changelogs: &[(StoreId, Vec<Record>)],
    folded: &mut Folded,
) {
    let directory = StateDirectory::open(root, StateConfig::default()).unwrap();
    let tasks = directory.tasks_on_disk();
    for task in tasks
        .into_iter()
        .filter(|task| task.subtopology == part.index())
    {
        let found = TaskState::open(&directory, task, part.stores()).unwrap();
        if let Some(aside) = found.set_aside_at_open() {
            folded
                .differences
                .push(format!("{}: {aside:?}", root.display()));
        }
        let expected = fold(task, part.stores(), changelogs, &found);
        let (found_rows, expected_rows) = (rows(&found), rows(&expected));
        folded.directories += 1;
        folded.rows += found_rows.len();
        if found_rows != expected_rows {
            let differing = differing(&found_rows, &expected_rows);
            folded.differences.push(format!(
                "{} {task}: {} rows, {} of the changelog; {differing}",
                root.display(),
                found_rows.len(),
                expected_rows.len()
            ));
        }
        let is_complete = changelogs.iter().all(|(store, records)| {
            let last = records
                .iter()
                .rfind(|record| record.partition == task.partition);
            last.is_none_or(|last| found.changelog_position(*store) > Some(last.offset))
        });
        *folded.complete.entry(task).or_default() += usize::from(is_complete);
    }
}

/// A state in memory, restored up to where the other one claims to be.
fn fold(
    task: TaskId,
    stores: &[StoreSpec],
    changelogs: &[(StoreId, Vec<Record>)],
    until: &TaskState,
) -> TaskState {
    let memory: Arc<StateDirectory> = StateDirectory::in_memory(StateConfig::default());
    let mut state = TaskState::open(&memory, task, stores).unwrap();
    for (store, records) in changelogs {
        let end = until.changelog_position(*store).unwrap_or(0);
        let mut records = records
            .iter()
            .filter(|record| record.partition == task.partition && record.offset < end)
            .filter_map(|record| Some((record.key.as_deref()?, record.value.as_deref())));
        state.restore(*store, &mut records, end).unwrap();
    }
    state
}

fn rows(state: &TaskState) -> Vec<Row> {
    let mut rows = Vec::new();
    state
        .dump(&mut |family, key, value| {
            rows.push((family.to_owned(), key.to_vec(), value.to_vec()));
        })
        .unwrap();
    rows.sort();
    rows
}

/// How many rows only one of them has, by family.
fn differing(found: &[Row], expected: &[Row]) -> String {
    let only = |these: &[Row], others: &[Row]| {
        let mut families: BTreeMap<String, usize> = BTreeMap::new();
        for row in these {
            if others.binary_search(row).is_err() {
                *families.entry(row.0.clone()).or_default() += 1;
            }
        }
        families
    };
    format!(
        "only on disk: {:?}, only in the changelog: {:?}",
        only(found, expected),
        only(expected, found)
    )
}

/// The directories that were set aside: their name is that of a task and a reason.
pub fn set_aside(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.path().is_dir());
    directories
        .map(|entry| entry.path().display().to_string())
        .filter(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.split('_').any(|part| part.parse::<u32>().is_err())
        })
        .map(|path| format!("set aside: {path}"))
        .collect()
}
