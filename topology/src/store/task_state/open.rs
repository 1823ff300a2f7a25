//! Opens the state of a task: which family lives where, and what is on disk of it.

use std::sync::Arc;

use super::super::backend::{Backend, FamilyIndex};
use super::super::commit::Unflushed;
use super::super::directory::StateDirectory;
use super::super::disk_format::OWN_FAMILY;
use super::super::memory::MemoryBackend;
use super::super::open_database::{OpenDatabase, Wanted, open_database};
use super::super::overlay::{Overlay, Retention};
use super::super::own::OwnValues;
use super::super::rocks::RocksBackend;
use super::super::spec::{StoreId, StoreKind, StoreSpec};
use super::super::timers::Timers;
use super::super::view::Published;
use super::{Home, Store, TaskState};
use crate::Error;
use crate::task::TaskId;

impl TaskState {
    /// Opens the state of `task`, creating what is missing. New stores are empty and have no
    /// [`TaskState::changelog_position`]. A damaged directory is moved aside, counted, and an
    /// empty one opened in its place: [`TaskState::set_aside_at_open`].
    ///
    /// The task's own rows (timers, own values) go to the changelog of the *carrier*: the first
    /// persistent store with a changelog, else the first store with a changelog. Without any they
    /// are on this disk alone.
    ///
    /// # Errors
    ///
    /// Fatal if two stores have one name, if the directory was written in a format that is not read, if it
    /// has stores that are not declared (see [`ChangedTopology`](crate::store::ChangedTopology)) or another
    /// carrier, or on an IO error.
    pub fn open(
        directory: &Arc<StateDirectory>,
        task: TaskId,
        stores: &[StoreSpec],
    ) -> Result<Self, Error> {
        check_names(stores).map_err(|error| error.at(format!("task {task}")))?;
        let on_disk = directory.task(task);
        let is_durable = |spec: &StoreSpec| on_disk.is_some() && spec.kind == StoreKind::Persistent;
        let carrier = stores
            .iter()
            .position(|spec| spec.changelog && spec.kind == StoreKind::Persistent)
            .or_else(|| stores.iter().position(|spec| spec.changelog));
        let carrier_spec = carrier.and_then(|index| stores.get(index));
        let any_durable = stores.iter().any(&is_durable);
        let own_durable = carrier_spec.map_or(any_durable, &is_durable);

        let names: Vec<&str> = stores
            .iter()
            .filter(|spec| is_durable(spec))
            .map(|spec| spec.name.as_str())
            .collect();
        let wanted = Wanted {
            stores: &names,
            carrier: carrier_spec
                .filter(|spec| is_durable(spec))
                .map(|spec| spec.name.as_str()),
        };
        let opened = match &on_disk {
            Some((path, resources)) if any_durable => Some(
                open_database(directory, resources, path, &wanted)
                    .map_err(|error| error.at(format!("task {task}")))?,
            ),
            _ => None,
        };
        let memory: Arc<dyn Backend> = Arc::new(MemoryBackend::new(stores.len() + 1));
        let in_memory = |index: usize| Home {
            backend: Arc::clone(&memory),
            family: FamilyIndex(index),
            durable: false,
        };
        let home = |name: &str, index: usize, durable: bool| match &opened {
            Some(OpenDatabase { backend, .. }) if durable => {
                let family = backend.index_of(name).ok_or_else(|| {
                    Error::fatal("open state", format!("family {name} is missing"))
                })?;
                let backend: Arc<dyn Backend> = Arc::<RocksBackend>::clone(backend);
                Ok(Home {
                    backend,
                    family,
                    durable: true,
                })
            }
            _ => Ok(in_memory(index)),
        };
        let mut families = Vec::with_capacity(stores.len());
        for (index, spec) in stores.iter().enumerate() {
            let home = home(&spec.name, index, is_durable(spec))?;
            let positions = opened
                .as_ref()
                .filter(|_| home.durable)
                .map(|opened| &opened.positions);
            let position = positions
                .and_then(|positions| positions.iter().find(|(name, _)| *name == spec.name))
                .map(|(_, position)| *position);
            families.push(Store {
                spec: spec.clone(),
                home,
                overlay: Overlay::new(Retention::Cache),
                position,
                collected: None,
            });
        }
        let own_home = home(OWN_FAMILY, stores.len(), own_durable)?;
        let published = Published::new(
            task,
            families.iter().map(|store| store.home.clone()).collect(),
        );
        let mut state = Self {
            task,
            directory: Arc::clone(directory),
            path: on_disk.map(|(path, _)| path).filter(|_| any_durable),
            durable: opened.as_ref().map(|opened| {
                let backend: Arc<dyn Backend> = Arc::<RocksBackend>::clone(&opened.backend);
                backend
            }),
            memory,
            stores: families,
            carrier: carrier
                .and_then(|index| u32::try_from(index).ok())
                .map(StoreId),
            own_home,
            own: OwnValues::new(),
            timers: Timers::new(),
            unflushed: Unflushed::default(),
            scratch: Vec::new(),
            poison: None,
            set_aside: opened.and_then(|opened| opened.set_aside),
            published,
        };
        #[cfg(feature = "store-faults")]
        if let Some(hook) = &directory.config().faults {
            state.wrap_backend(|below| super::super::faults::wrap(below, task, hook));
        }
        state.reload_own()?;
        Ok(state)
    }
}

fn check_names(stores: &[StoreSpec]) -> Result<(), Error> {
    for (index, spec) in stores.iter().enumerate() {
        let reserved = spec.name == OWN_FAMILY || spec.name == "default" || spec.name.is_empty();
        if reserved
            || stores
                .iter()
                .take(index)
                .any(|other| other.name == spec.name)
        {
            return Err(Error::fatal(
                "open state",
                format!(
                    "store name {:?} is reserved or used twice; choose another",
                    spec.name
                ),
            ));
        }
    }
    Ok(())
}
