//! The transaction coordinator: epochs, what a transaction has touched, and how it ends.

use std::time::Duration;

use hashbrown::HashMap;

use super::group::Groups;
use super::partition::ProducerEpoch;
use super::topics::{Place, Topics};
use crate::io::IoResult;
use crate::{Error, ErrorClass};

/// A decided transaction whose markers were not written (an injected fault) is completed by the
/// coordinator after this long.
const COMPLETION_DELAY: Duration = Duration::from_millis(100);

/// Where a producer's transaction stands (the states of Kafka's coordinator).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    Ongoing {
        since: Duration,
    },
    Prepared {
        commit: bool,
        since: Duration,
    },
    Complete {
        commit: bool,
    },
    /// The transactional id expired.
    Forgotten,
}

#[derive(Debug)]
struct Transaction {
    transactional_id: String,
    producer: ProducerEpoch,
    timeout: Duration,
    state: State,
    places: Vec<Place>,
    /// Groups whose offsets are in the transaction.
    groups: Vec<String>,
}

/// A transactional id within the coordinator.
#[derive(Clone, Copy, Debug)]
pub(super) struct TransactionId(usize);

#[derive(Default)]
pub(super) struct Transactions {
    all: Vec<Transaction>,
    by_name: HashMap<String, TransactionId>,
    next_producer_id: i64,
}

/// What ending a transaction changes elsewhere.
pub(super) struct Effects<'a> {
    pub(super) topics: &'a mut Topics,
    pub(super) groups: &'a mut Groups,
    pub(super) retention: Option<usize>,
    pub(super) now: Duration,
}

/// An open transaction, for tests to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Whose it is.
    pub transactional_id: String,
    /// The producer's id, as its records carry it.
    pub producer_id: i64,
    /// The producer's epoch.
    pub epoch: i16,
    /// How long it has been open.
    pub age: Duration,
    /// Decided, but its markers are not written yet.
    pub prepared: bool,
}

impl Transactions {
    /// A new epoch for a transactional id: earlier producers are fenced, a transaction they left
    /// open is aborted, one they had decided is completed.
    pub(super) fn init(
        &mut self,
        name: &str,
        timeout: Duration,
        effects: &mut Effects<'_>,
    ) -> (TransactionId, ProducerEpoch) {
        let id = match self.by_name.get(name) {
            Some(&id) => id,
            None => {
                let id = TransactionId(self.all.len());
                self.by_name.insert(name.to_owned(), id);
                let producer = self.new_producer();
                self.all.push(Transaction {
                    transactional_id: name.to_owned(),
                    producer,
                    timeout,
                    state: State::Empty,
                    places: Vec::new(),
                    groups: Vec::new(),
                });
                return (id, producer);
            }
        };
        let spare = self.new_producer();
        let Some(transaction) = self.all.get_mut(id.0) else {
            return (id, spare);
        };
        match transaction.state {
            State::Ongoing { .. } => transaction.end(false, effects),
            State::Prepared { commit, .. } => transaction.end(commit, effects),
            State::Empty | State::Complete { .. } | State::Forgotten => {}
        }
        transaction.state = State::Empty;
        transaction.timeout = timeout;
        transaction.bump(spare);
        (id, transaction.producer)
    }

    fn new_producer(&mut self) -> ProducerEpoch {
        let id = self.next_producer_id;
        self.next_producer_id += 1;
        ProducerEpoch { id, epoch: 0 }
    }

    fn current(
        &mut self,
        operation: &'static str,
        id: TransactionId,
        producer: ProducerEpoch,
    ) -> IoResult<&mut Transaction> {
        let transaction = self.all.get_mut(id.0);
        let transaction = transaction
            .filter(|transaction| transaction.state != State::Forgotten)
            .ok_or_else(|| {
                Error::fatal(
                    operation,
                    "INVALID_PRODUCER_ID_MAPPING: the coordinator has forgotten the transactional id; make a new producer",
                )
            })?;
        if transaction.producer == producer {
            return Ok(transaction);
        }
        Err(Error::new(
            ErrorClass::Fenced,
            operation,
            format!(
                "PRODUCER_FENCED: epoch {} of {} is over, another producer or the end of a transaction that timed out has \
                 taken it to {}",
                producer.epoch, transaction.transactional_id, transaction.producer.epoch
            ),
        ))
    }

    /// Whether this producer may write.
    pub(super) fn check(
        &mut self,
        operation: &'static str,
        id: TransactionId,
        producer: ProducerEpoch,
    ) -> IoResult<()> {
        self.current(operation, id, producer).map(|_| ())
    }

    /// Adds a partition to the transaction, which starts with the first. Answers when it times out.
    pub(super) fn add_partition(
        &mut self,
        operation: &'static str,
        id: TransactionId,
        producer: ProducerEpoch,
        place: Place,
        now: Duration,
    ) -> IoResult<Duration> {
        let transaction = self.current(operation, id, producer)?;
        let due = transaction.start(operation, now)?;
        transaction.places.push(place);
        Ok(due)
    }

    /// Adds a group's offsets to the transaction, which starts with them. Answers when it times out.
    pub(super) fn add_group(
        &mut self,
        operation: &'static str,
        id: TransactionId,
        producer: ProducerEpoch,
        group: &str,
        now: Duration,
    ) -> IoResult<Duration> {
        let transaction = self.current(operation, id, producer)?;
        let due = transaction.start(operation, now)?;
        if !transaction.groups.iter().any(|known| known == group) {
            transaction.groups.push(group.to_owned());
        }
        Ok(due)
    }

    /// Ends a transaction; asked again, answers again. With `prepare`, the decision alone is
    /// written.
    pub(super) fn end(
        &mut self,
        operation: &'static str,
        id: TransactionId,
        producer: ProducerEpoch,
        commit: bool,
        prepare: bool,
        effects: &mut Effects<'_>,
    ) -> IoResult<()> {
        let now = effects.now;
        let transaction = self.current(operation, id, producer)?;
        match transaction.state {
            State::Ongoing { .. } if prepare => {
                transaction.state = State::Prepared { commit, since: now };
                Ok(())
            }
            State::Ongoing { .. } => {
                transaction.end(commit, effects);
                Ok(())
            }
            State::Prepared {
                commit: decided, ..
            } if decided == commit => {
                transaction.end(commit, effects);
                Ok(())
            }
            State::Complete { commit: decided } if decided == commit => Ok(()),
            State::Empty | State::Prepared { .. } | State::Complete { .. } | State::Forgotten => {
                Err(Error::fatal(
                    operation,
                    format!(
                        "INVALID_TXN_STATE: the transaction of {} is {:?}",
                        transaction.transactional_id, transaction.state
                    ),
                ))
            }
        }
    }

    /// Aborts what has been open too long and fences its producer; completes what is decided.
    /// Answers whether anything changed, and when to look again.
    pub(super) fn tick(&mut self, effects: &mut Effects<'_>) -> (bool, Duration) {
        let mut changed = false;
        let mut due = Duration::MAX;
        for at in 0..self.all.len() {
            let Some(transaction) = self.all.get_mut(at) else {
                break;
            };
            let Some((deadline, commit)) = transaction.deadline() else {
                continue;
            };
            if effects.now < deadline {
                due = due.min(deadline);
                continue;
            }
            let timed_out = matches!(transaction.state, State::Ongoing { .. });
            transaction.end(commit, effects);
            changed = true;
            if timed_out {
                let spare = self.new_producer();
                if let Some(transaction) = self.all.get_mut(at) {
                    transaction.bump(spare);
                }
            }
        }
        (changed, due)
    }

    /// Forgets a transactional id that is idle, as a coordinator does after
    /// `transactional.id.expiration.ms`; false if it is unknown or in a transaction.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        let id = self.by_name.get(name).copied();
        let Some(transaction) = id.and_then(|id| self.all.get_mut(id.0)) else {
            return false;
        };
        if transaction.deadline().is_some() {
            return false;
        }
        transaction.state = State::Forgotten;
        self.by_name.remove(name);
        true
    }

    /// Transactions that are not complete.
    pub(super) fn open(&self, now: Duration) -> Vec<OpenTransaction> {
        let open = self.all.iter().filter_map(|transaction| {
            let (since, prepared) = match transaction.state {
                State::Ongoing { since } => (since, false),
                State::Prepared { since, .. } => (since, true),
                State::Empty | State::Complete { .. } | State::Forgotten => return None,
            };
            Some(OpenTransaction {
                transactional_id: transaction.transactional_id.clone(),
                producer_id: transaction.producer.id,
                epoch: transaction.producer.epoch,
                age: now.saturating_sub(since),
                prepared,
            })
        });
        open.collect()
    }
}

impl Transaction {
    fn start(&mut self, operation: &'static str, now: Duration) -> IoResult<Duration> {
        match self.state {
            State::Ongoing { since } => Ok(since + self.timeout),
            State::Empty | State::Complete { .. } | State::Forgotten => {
                self.state = State::Ongoing { since: now };
                Ok(now + self.timeout)
            }
            State::Prepared { .. } => Err(Error::new(
                ErrorClass::Retriable,
                operation,
                "CONCURRENT_TRANSACTIONS: the last transaction is not complete yet",
            )),
        }
    }

    /// When the coordinator acts by itself, and whether it then commits.
    fn deadline(&self) -> Option<(Duration, bool)> {
        match self.state {
            State::Ongoing { since } => Some((since + self.timeout, false)),
            State::Prepared { commit, since } => Some((since + COMPLETION_DELAY, commit)),
            State::Empty | State::Complete { .. } | State::Forgotten => None,
        }
    }

    /// Writes the markers, and makes the offsets visible or drops them.
    fn end(&mut self, commit: bool, effects: &mut Effects<'_>) {
        for place in self.places.drain(..) {
            if let Some(partition) = effects.topics.partition_mut(place) {
                partition.end_transaction(self.producer.id, commit);
            }
            if let Some(topic) = effects.topics.topic_mut(place.topic) {
                topic.clean(place.partition, effects.retention, effects.now);
            }
        }
        for group in self.groups.drain(..) {
            effects.groups.end_offsets(&group, self.producer.id, commit);
        }
        self.state = State::Complete { commit };
    }

    /// The next epoch; after the last one a new producer id.
    fn bump(&mut self, spare: ProducerEpoch) {
        self.producer = match self.producer.epoch.checked_add(1) {
            Some(epoch) if epoch < i16::MAX => ProducerEpoch {
                id: self.producer.id,
                epoch,
            },
            _ => spare,
        };
    }
}
