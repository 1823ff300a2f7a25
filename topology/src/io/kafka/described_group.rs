//! The members of a group of the `consumer` protocol (KIP-848), which the older request for a group does not know:
//! librdkafka's `DescribeConsumerGroups`, which the binding lacks.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::events::Events;
use super::native::{NO_ERROR, text};
use crate::io::{GroupMember, TopicPartition};

/// State, and the members with the partitions each of them owns now; a group that does not exist is `Dead` and has none.
///
/// What is on its way from one member to another is nobody's until the former owner has given it up.
pub(super) fn describe(
    client: &Client<Events>,
    group: &str,
    timeout: Duration,
) -> Result<(String, Vec<GroupMember>), Code> {
    let group = CString::new(group).map_err(|_| Code::InvalidGroupId)?;
    let mut groups = [group.as_ptr()];
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let native = client.native_ptr();
    // SAFETY: the client is live for the whole call. Names and options are copied by the request; the queue is ours and
    // outlives the event, of which everything is copied before it is destroyed.
    unsafe {
        let options = rd::rd_kafka_AdminOptions_new(
            native,
            rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        );
        rd::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        let queue = rd::rd_kafka_queue_new(native);
        rd::rd_kafka_DescribeConsumerGroups(
            native,
            groups.as_mut_ptr(),
            groups.len(),
            options,
            queue,
        );
        // The request ends by its own timeout; a little later nothing can come any more.
        let event = rd::rd_kafka_queue_poll(queue, timeout_ms.saturating_add(1_000));
        let members = described(event);
        if !event.is_null() {
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
        rd::rd_kafka_AdminOptions_destroy(options);
        members
    }
}

/// Copies the members out of the answer.
///
/// # Safety
/// `event` is null or a live event.
unsafe fn described(event: *mut rd::rd_kafka_event_t) -> Result<(String, Vec<GroupMember>), Code> {
    if event.is_null() {
        return Err(Code::OperationTimedOut);
    }
    // SAFETY: the event is live.
    let (error, result) = unsafe {
        (
            rd::rd_kafka_event_error(event),
            rd::rd_kafka_event_DescribeConsumerGroups_result(event),
        )
    };
    if error != NO_ERROR {
        return Err(error.into());
    }
    if result.is_null() {
        return Err(Code::Fail);
    }
    let (mut found, mut state) = (Vec::new(), "Dead".to_owned());
    let mut count = 0;
    // SAFETY: the result belongs to the live event, and so do the description and its members, of which there are as
    // many as it says. The code of no error is that of success.
    unsafe {
        let groups = rd::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        for index in 0..count {
            let group = *groups.add(index);
            let error = rd::rd_kafka_error_code(rd::rd_kafka_ConsumerGroupDescription_error(group));
            match Code::from(error) {
                Code::NoError => {}
                Code::GroupIdNotFound => continue,
                code => return Err(code),
            }
            let known = rd::rd_kafka_ConsumerGroupDescription_state(group);
            state = text(rd::rd_kafka_consumer_group_state_name(known));
            for index in 0..rd::rd_kafka_ConsumerGroupDescription_member_count(group) {
                let member = rd::rd_kafka_ConsumerGroupDescription_member(group, index);
                found.push(GroupMember {
                    client_id: text(rd::rd_kafka_MemberDescription_client_id(member)),
                    host: text(rd::rd_kafka_MemberDescription_host(member)),
                    partitions: assigned(member),
                });
            }
        }
    }
    // librdkafka knows the states of the classic protocol only; this protocol's own are `Assigning` and `Reconciling`.
    if state == "Unknown" {
        "Reconciling".clone_into(&mut state);
    }
    Ok((state, found))
}

/// What a member owns.
///
/// # Safety
/// `member` is a live description.
unsafe fn assigned(member: *const rd::rd_kafka_MemberDescription_t) -> Vec<TopicPartition> {
    // SAFETY: the assignment is part of the member; its list may be null, and has `cnt` elements.
    unsafe {
        let assignment = rd::rd_kafka_MemberDescription_assignment(member);
        let list = rd::rd_kafka_MemberAssignment_partitions(assignment);
        let Some(list) = list.as_ref() else {
            return Vec::new();
        };
        let count = usize::try_from(list.cnt).unwrap_or(0);
        (0..count)
            .map(|index| {
                let element = &*list.elems.add(index);
                TopicPartition::new(text(element.topic), element.partition)
            })
            .collect()
    }
}
