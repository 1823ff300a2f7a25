//! Whether a static membership was taken over by another process, or only by a request of our own.
//!
//! A static member that joins anew gets a new member id (KIP-345). If the broker dies before it has answered, the member goes on
//! under the old id, and is told that it was fenced by another, which librdkafka takes for final. The client then has to be
//! made anew, which takes the membership back; between two processes with one instance id that would never end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::events::Events;
use crate::{Error, ErrorClass};

/// For the question who has the membership.
const ASK: Duration = Duration::from_secs(5);
/// More often within a while it is no accident: somebody who cannot be told from us by address takes it back.
const MOST: usize = 3;
const WHILE: Duration = Duration::from_secs(600);

/// When memberships of this process were replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Replacements(Arc<Mutex<Vec<Instant>>>);

impl Replacements {
    /// What a membership's replacement means, which `error` calls fatal: fenced, if our client id tells an address and no
    /// member of that name has another.
    pub(super) fn judge(
        &self,
        client: &BaseConsumer<Events>,
        group: &str,
        group_instance_id: &str,
        error: Error,
    ) -> Error {
        let own = client.context().client_id.as_str();
        if own == group_instance_id {
            return error;
        }
        if let Ok(list) = client.fetch_group_list(Some(group), ASK) {
            let members = list.groups().iter().flat_map(|group| group.members());
            let mut others = members
                .map(|member| member.client_id())
                .filter(|id| *id != own && is_named(id, group_instance_id));
            if let Some(other) = others.next() {
                return error.at(format!("it is {other} now, and was {own}"));
            }
        }
        if self.counted(Instant::now()) > MOST {
            return error;
        }
        let detail = "the brokers have given this membership a new id in answer to a request of ours that got lost";
        Error::new(ErrorClass::Fenced, error.operation(), detail)
    }

    /// How often within a while, this time included.
    fn counted(&self, now: Instant) -> usize {
        let mut times = self.0.lock();
        times.retain(|time| now.saturating_duration_since(*time) < WHILE);
        times.push(now);
        times.len()
    }
}

/// Client ids are the instance id, and behind `@` the address where there is one.
fn is_named(client_id: &str, group_instance_id: &str) -> bool {
    client_id
        .strip_prefix(group_instance_id)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_one_name_differ_by_address_alone() {
        assert!(is_named("orders-0", "orders-0"));
        assert!(is_named("orders-0@10.0.0.7:8080", "orders-0"));
        assert!(!is_named("orders-01@10.0.0.7:8080", "orders-0"));
        assert!(!is_named("payments-0", "orders-0"));
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let replacements = Replacements::default();
        let start = Instant::now();
        assert_eq!(replacements.counted(start), 1);
        assert_eq!(replacements.counted(start + WHILE / 2), 2);
        assert_eq!(replacements.counted(start + WHILE), 2);
        assert_eq!(replacements.counted(start + WHILE * 3), 1);
    }
}
