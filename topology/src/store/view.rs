//! Committed data for other threads.

use std::ops::Bound;
use std::sync::Arc;

use parking_lot::RwLock;

use super::backend::BackendError;
use super::range::RowVisitor;
use super::spec::StoreId;
use super::task_state::Home;
use crate::task::TaskId;
use crate::{Error, ErrorClass};

/// Where committed data is, until the state is closed.
pub(crate) struct Published {
    task: TaskId,
    stores: RwLock<Option<Vec<Home>>>,
}

impl Published {
    pub fn new(task: TaskId, stores: Vec<Home>) -> Arc<Self> {
        Arc::new(Self {
            task,
            stores: RwLock::new(Some(stores)),
        })
    }

    /// Lets go of the backends once the queries under way are done.
    pub fn close(&self) {
        self.stores.write().take();
    }
}

/// Reads committed data of a task from any thread; cheap to clone. Uncommitted changes are never
/// seen (invariant 8). Once the task is closed here, every query fails with a retriable error.
#[derive(Clone)]
pub struct CommittedView {
    published: Arc<Published>,
}

impl CommittedView {
    pub(crate) fn new(published: Arc<Published>) -> Self {
        Self { published }
    }

    /// The task whose data this is.
    pub fn task(&self) -> TaskId {
        self.published.task
    }

    /// The committed value of `key`.
    ///
    /// # Errors
    ///
    /// Retriable if the task is not here any more, fatal if its data cannot be read.
    pub fn get(&self, store: StoreId, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.with(store, |home| {
            let mut value = Vec::new();
            let found = home.backend.get(home.family, key, &mut value)?;
            Ok(found.then_some(value))
        })
    }

    /// Visits the committed rows between two keys, ascending, until told to stop. `visit` must not
    /// query the view: the state's closing waits for it.
    ///
    /// # Errors
    ///
    /// As [`CommittedView::get`].
    pub fn range(
        &self,
        store: StoreId,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        visit: &mut RowVisitor<'_>,
    ) -> Result<(), Error> {
        self.with(store, |home| {
            home.backend.range(home.family, from, to, visit)
        })
    }

    fn with<T>(
        &self,
        store: StoreId,
        query: impl FnOnce(&Home) -> Result<T, BackendError>,
    ) -> Result<T, Error> {
        const OPERATION: &str = "query committed state";
        let place = || format!("task {}", self.published.task);
        let stores = self.published.stores.read();
        let Some(stores) = stores.as_ref() else {
            let detail = "the task is not on this instance any more; ask again";
            return Err(Error::new(ErrorClass::Retriable, OPERATION, detail).at(place()));
        };
        let home = stores.get(store.index()).ok_or_else(|| {
            Error::fatal(OPERATION, format!("store {} is not declared", store.0)).at(place())
        })?;
        query(home).map_err(|error| Error::fatal(OPERATION, error.message).at(place()))
    }
}

impl std::fmt::Debug for CommittedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommittedView")
            .field("task", &self.published.task)
            .finish_non_exhaustive()
    }
}
