//! Decisions of the group coordinator: queued by the callback, completed by the owner on its thread.
//!
//! The callback runs inside `poll` and has no way to commit or to split queues, so it only takes note. The group
//! waits (for the rebalance timeout, which is `max.poll.interval.ms`) until `assign` or `unassign` is called, or their
//! incremental forms under the `consumer` protocol.

use rdkafka::TopicPartitionList;
use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};

use super::errors;
use super::events::Events;
use crate::io::{GroupEvent, IoResult, TopicPartition};

/// Called by librdkafka inside `poll`.
pub(super) fn decided(
    events: &Events,
    consumer: &BaseConsumer<Events>,
    decision: rd_kafka_resp_err_t,
    partitions: &TopicPartitionList,
) {
    if events.is_closing() {
        // Nobody will complete it any more, and dropping a consumer waits until it is completed.
        if let Err(error) = consumer.unassign() {
            tracing::debug!(client_id = events.client_id, %error, "unassign while closing");
        }
        return;
    }
    let partitions = to_partitions(partitions);
    let assigns = decision == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    let incremental = matches!(
        consumer.rebalance_protocol(),
        RebalanceProtocol::Cooperative
    );
    let event = match (assigns, incremental) {
        (true, false) => GroupEvent::Assigned(partitions),
        (true, true) => GroupEvent::Added(partitions),
        (false, _) if consumer.assignment_lost() => GroupEvent::Lost(partitions),
        (false, false) => GroupEvent::Revoked(partitions),
        (false, true) => GroupEvent::Removed(partitions),
    };
    events.clear_trouble();
    events.group.lock().push_back(event);
}

/// Waits until partitions that were given up have really stopped. To be called after every change of an assignment.
///
/// librdkafka (2.12) ends the process with a failed assertion if a partition is given up, taken again, and given up once
/// more while its first stop is still under way. Its main thread serves operations in order: the first question goes past
/// the stop, the second past the answer to it.
pub(super) fn settle(consumer: &BaseConsumer<Events>) -> IoResult<()> {
    for _ in 0..2 {
        consumer
            .assignment()
            .map_err(|error| errors::error("settle assignment", &error))?;
    }
    Ok(())
}

fn to_partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition::new(element.topic(), element.partition()))
        .collect()
}
