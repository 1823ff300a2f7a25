//! From an order number to the answer, wherever the order is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use topology::io::murmur2::partition_of;

use super::forward::{Heard, forward};
use super::group::{Group, GroupThread, Owner};
use super::local::{LocalOrders, Look};
use super::problem::{Problem, ProblemKind};

/// Questions that may be on their way to other instances at a time; each asks all of them at worst.
const MAX_SEARCHES: usize = 16;
/// Longest wait for the group.
const GROUP: Duration = Duration::from_secs(5);

/// How an order is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// By another instance: only this one's state counts.
    pub is_forwarded: bool,
    /// What the client showed, to be passed on.
    pub authorization: Option<HeaderValue>,
}

/// An answer, found or not.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// JSON.
    pub body: Bytes,
    /// Whether asking again soon helps.
    pub passes: bool,
}

/// Answers for the orders of the whole application.
pub struct Orders {
    instance: String,
    local: Arc<dyn LocalOrders>,
    group: GroupThread,
    searches: Semaphore,
}

/// What is known of each partition while an order is searched.
#[derive(Debug, Default)]
struct Search {
    absent: BTreeSet<i32>,
    problems: BTreeMap<i32, (ProblemKind, String)>,
}

impl Orders {
    /// Answers as this instance.
    #[must_use]
    pub fn new(instance: &str, local: Arc<dyn LocalOrders>, group: GroupThread) -> Self {
        Self {
            instance: instance.to_owned(),
            local,
            group,
            searches: Semaphore::new(MAX_SEARCHES),
        }
    }

    /// Ends what runs in the background. Blocks; not for async code.
    pub fn close(&self) {
        self.group.close();
    }

    /// An answer that tells nothing of an order.
    #[must_use]
    pub fn problem(&self, order_no: &str, error: ProblemKind, detail: String) -> Reply {
        self.problem_with(order_no, error, detail, Look::default())
    }

    fn problem_with(
        &self,
        order_no: &str,
        error: ProblemKind,
        detail: String,
        look: Look,
    ) -> Reply {
        let problem = Problem {
            order_no: order_no.to_owned(),
            error,
            detail,
            instance: self.instance.clone(),
            absent: look.absent,
            restoring: look.restoring,
        };
        reply(error.status(), error.passes(), &problem)
    }

    /// Answers for an order: from this instance if it has it, else from the one that has.
    pub async fn find(&self, order_no: &str, asked: Asked) -> Reply {
        let mut look = match self.local.look(order_no) {
            Ok(look) => look,
            Err(error) => {
                tracing::error!(order = order_no, "an order could not be read: {error}");
                return self.problem(order_no, ProblemKind::Unreadable, error.to_string());
            }
        };
        if let Some(found) = look.found.take() {
            return reply(StatusCode::OK, false, &found);
        }
        if asked.is_forwarded {
            let detail = format!("instance {} has no order {order_no}", self.instance);
            return self.problem_with(order_no, ProblemKind::NotFound, detail, look);
        }
        let Ok(_permit) = self.searches.try_acquire() else {
            return self.busy(order_no);
        };
        let Some(answer) = self.group.ask() else {
            return self.busy(order_no);
        };
        let group = match timeout(GROUP, answer).await {
            Ok(Ok(Ok(group))) => group,
            Ok(Ok(Err(error))) => {
                let detail = format!("nobody can tell which instance has the order: {error}");
                return self.problem(order_no, ProblemKind::GroupUnavailable, detail);
            }
            Ok(Err(_)) | Err(_) => {
                let detail = "the group did not answer in time".to_owned();
                return self.problem(order_no, ProblemKind::GroupUnavailable, detail);
            }
        };
        self.search(order_no, &group, look, asked.authorization)
            .await
    }

    fn busy(&self, order_no: &str) -> Reply {
        let detail = "too many orders of other instances are asked for at the same time".to_owned();
        self.problem(order_no, ProblemKind::Busy, detail)
    }

    /// Asks the instance that most likely has the order, then all others.
    async fn search(
        &self,
        order_no: &str,
        group: &Group,
        look: Look,
        authorization: Option<HeaderValue>,
    ) -> Reply {
        let likely = partition_of(order_no.as_bytes(), group.partitions);
        let mut search = Search::default();
        let mut servers = search.begin(group, &self.instance, &look);
        let first = group.owners.get(&likely).cloned();
        let first = first.and_then(|owner| servers.remove_entry(&owner));
        for round in [first.into_iter().collect(), servers] {
            let found = self
                .ask_all(round, order_no, &authorization, &mut search)
                .await;
            if let Some(body) = found {
                return Reply {
                    status: StatusCode::OK,
                    body,
                    passes: false,
                };
            }
        }
        let left = (0..group.partitions).filter(|partition| !search.absent.contains(partition));
        let unknown: BTreeSet<i32> = left.collect();
        let named = unknown.get(&likely).or_else(|| unknown.first()).copied();
        let (error, detail) = match named.and_then(|it| search.problems.remove(&it)) {
            Some(problem) => problem,
            None if unknown.is_empty() && group.partitions > 0 => {
                let detail = format!(
                    "there is no order {order_no}: every partition of {} was asked; its events may be rejected or dead \
                     letters (jumun dlt list --order), or it is over for longer than retention.after_ms",
                    group.partitions
                );
                (ProblemKind::NotFound, detail)
            }
            None => (
                ProblemKind::Rebalancing,
                "the order's partition is on its way to another instance".to_owned(),
            ),
        };
        let absent = search.absent.into_iter().collect();
        let look = Look { absent, ..look };
        self.problem_with(order_no, error, detail, look)
    }

    /// Asks several instances at once. Returns the order, if one has it.
    async fn ask_all(
        &self,
        servers: BTreeMap<Owner, Vec<i32>>,
        order_no: &str,
        authorization: &Option<HeaderValue>,
        search: &mut Search,
    ) -> Option<Bytes> {
        let mut asking = JoinSet::new();
        for (owner, partitions) in servers {
            let (order_no, from) = (order_no.to_owned(), self.instance.clone());
            let authorization = authorization.clone();
            asking.spawn(async move {
                let server = owner.server.as_deref().unwrap_or_default();
                let heard = forward(server, &order_no, &from, authorization).await;
                (owner, partitions, heard)
            });
        }
        // Dropping the set gives up the others.
        while let Some(joined) = asking.join_next().await {
            match joined {
                Ok((_, _, Heard::Order(body))) => return Some(body),
                Ok((owner, partitions, heard)) => search.hear(&owner, &partitions, heard),
                Err(error) => tracing::error!("asking another instance failed: {error}"),
            }
        }
        None
    }
}

impl Search {
    /// Notes what needs no question, and returns who is to be asked for which partitions.
    fn begin(&mut self, group: &Group, me: &str, look: &Look) -> BTreeMap<Owner, Vec<i32>> {
        let mut servers: BTreeMap<Owner, Vec<i32>> = BTreeMap::new();
        for partition in 0..group.partitions {
            match group.owners.get(&partition) {
                None => {
                    let (kind, why) = match &group.unsettled {
                        Some(why) => (ProblemKind::Rebalancing, why.as_str()),
                        None => (ProblemKind::NoOwner, "it is assigned to no instance now"),
                    };
                    self.fail(partition, kind, format!("partition {partition}: {why}"));
                }
                Some(owner) if owner.instance == me => self.note(partition, me, look),
                Some(owner) if owner.server.is_some() => {
                    servers.entry(owner.clone()).or_default().push(partition);
                }
                Some(owner) => {
                    let detail = format!(
                        "instance {} has partition {partition} and did not tell where it answers; set \
                         http.application_server there",
                        owner.instance
                    );
                    self.fail(partition, ProblemKind::OwnerUnknown, detail);
                }
            }
        }
        servers
    }

    /// Notes what an instance says of a partition that the group says it has.
    fn note(&mut self, partition: i32, instance: &str, look: &Look) {
        if look.absent.contains(&partition) {
            self.absent.insert(partition);
        } else if look.restoring.contains(&partition) {
            let detail = format!("instance {instance} restores partition {partition}; ask again");
            self.fail(partition, ProblemKind::Restoring, detail);
        } else {
            let detail =
                format!("partition {partition} is on its way to instance {instance}; ask again");
            self.fail(partition, ProblemKind::Rebalancing, detail);
        }
    }

    fn hear(&mut self, owner: &Owner, partitions: &[i32], heard: Heard) {
        let (absent, restoring) = match heard {
            Heard::Absent { absent, restoring } => (absent, restoring),
            Heard::Nothing(kind, said) => {
                for &partition in partitions {
                    let instance = &owner.instance;
                    let detail = format!("instance {instance} has partition {partition}: {said}");
                    self.fail(partition, kind, detail);
                }
                return;
            }
            Heard::Order(_) => return,
        };
        let look = Look {
            found: None,
            absent,
            restoring,
        };
        for &partition in partitions {
            self.note(partition, &owner.instance, &look);
        }
    }

    fn fail(&mut self, partition: i32, kind: ProblemKind, detail: String) {
        self.problems.insert(partition, (kind, detail));
    }
}

pub(super) fn reply(status: StatusCode, passes: bool, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(mut body) => {
            body.push(b'\n');
            Reply {
                status,
                body: body.into(),
                passes,
            }
        }
        Err(error) => {
            tracing::error!("an order could not be written: {error}");
            Reply {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                body: Bytes::from_static(b"{}\n"),
                passes: false,
            }
        }
    }
}
