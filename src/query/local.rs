//! The committed state of this instance. Reading it takes no part in processing: the caller's thread reads RocksDB.

use std::sync::Arc;
use std::time::Duration;

use topology::runtime::{StatusBoard, StoreQuery};
use topology::store::{CommittedView, StoreId};
use topology::time::{Clock, SystemClock};
use topology::{Error, ErrorClass};

use super::answer::{KstTime, OrderAnswer};
use super::set_aside::Examiner;
use super::view::view;
use super::watches::watches;
use crate::dialect::{Decoder, Dialects};
use crate::domain::judge::JudgingPolicy;
use crate::domain::order::Order;
use crate::domain::order_codec;
use crate::domain::waiting::{Aside, Waiting};
use crate::job::{JobOptions, WatchOptions, names, set_aside};

/// An order and its events are two reads, between which it may change: then it is read once more, and so often at most.
const READS: usize = 4;

/// What an instance knows of an order.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The order, if it is here.
    pub found: Option<Box<OrderAnswer>>,
    /// Partitions of this instance in which it is not.
    pub absent: Vec<i32>,
    /// Partitions of this instance of which nobody can tell yet.
    pub restoring: Vec<i32>,
}

/// The one who knows the orders of this instance.
pub trait LocalOrders: Send + Sync {
    /// Looks for an order in all partitions of this instance.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn look(&self, order_no: &str) -> Result<Look, Error>;
}

/// The committed stores of the running tasks.
pub struct CommittedOrders {
    board: Arc<StatusBoard>,
    clock: SystemClock,
    instance: String,
    dialects: Dialects,
    policy: JudgingPolicy,
    watching: WatchOptions,
    retention: Duration,
}

impl CommittedOrders {
    /// Reads what the tasks on this board commit.
    #[must_use]
    pub fn new(board: Arc<StatusBoard>, options: &JobOptions, instance: &str) -> Self {
        Self {
            board,
            clock: SystemClock::new(),
            instance: instance.to_owned(),
            dialects: options.dialects.clone(),
            policy: options.judging.clone(),
            watching: options.watching.clone(),
            retention: options.retention,
        }
    }

    fn read(
        &self,
        order_no: &str,
        (view_of_task, orders): &(CommittedView, StoreId),
        partition: i32,
    ) -> Result<Option<OrderAnswer>, Error> {
        let mut order = Order::default();
        for attempt in 1..=READS {
            let Some(row) = view_of_task.get(*orders, order_no.as_bytes())? else {
                return Ok(None);
            };
            order_codec::decode(&row, &mut order).map_err(|error| {
                Error::fatal(
                    "read an order's state",
                    format!("order {order_no}: {error}"),
                )
            })?;
            let mut examiner = Examiner {
                decoder: Decoder::new(self.dialects.clone()),
                policy: &self.policy,
                now: self.clock.wall_clock_ms(),
            };
            let mut answer = view(order_no, &order, self.retention);
            answer.task = view_of_task.task().to_string();
            answer.instance.clone_from(&self.instance);
            answer.as_of = KstTime(examiner.now);
            let told = self.stored(names::WATCHES, order_no.as_bytes(), partition)?;
            answer.watches = watches(&order, &self.watching, told.as_deref());
            let mut is_whole = true;
            for entry in order.waiting.entries() {
                let row = self.row(order_no, entry, partition)?;
                let told = row.and_then(|row| examiner.answer(&order, entry, &row));
                match (told, entry.aside) {
                    (Some(told), Aside::Parked) => answer.parked.push(told),
                    (Some(told), Aside::Kept) => answer.kept.push(told),
                    (None, _) => is_whole = false,
                }
            }
            if is_whole || attempt == READS {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn row(
        &self,
        order_no: &str,
        entry: &Waiting,
        partition: i32,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut key = Vec::new();
        set_aside::write_key(&mut key, order_no, entry.arrival);
        self.stored(names::PARKED, &key, partition)
    }

    /// A row of a store of this partition.
    fn stored(&self, store: &str, key: &[u8], partition: i32) -> Result<Option<Vec<u8>>, Error> {
        match self.board.store(store, partition) {
            StoreQuery::Here(view, store) => view.get(store, key),
            StoreQuery::Restoring | StoreQuery::NotHere => Ok(None),
        }
    }
}

impl LocalOrders for CommittedOrders {
    fn look(&self, order_no: &str) -> Result<Look, Error> {
        let mut look = Look::default();
        for (partition, query) in self.board.store_by_partition(names::ORDERS) {
            let store = match query {
                StoreQuery::Here(view, store) => (view, store),
                StoreQuery::Restoring => {
                    look.restoring.push(partition);
                    continue;
                }
                StoreQuery::NotHere => continue,
            };
            match self.read(order_no, &store, partition) {
                Ok(Some(answer)) => {
                    look.found = Some(Box::new(answer));
                    return Ok(look);
                }
                Ok(None) => look.absent.push(partition),
                // The task has left meanwhile.
                Err(error) if error.class() == ErrorClass::Retriable => {}
                Err(error) => return Err(error),
            }
        }
        Ok(look)
    }
}
