//! Membership: joining, leaving, expiry, static members, the range assignor.

use std::time::Duration;

use topology::ErrorClass;
use topology::io::{GroupEvent, Log, Position};

use crate::memory_log::{Bed, NOW, SESSION, fetch, pairs, partition, partitions, settle};

use GroupEvent::{Assigned, Lost, Revoked};

#[test]
fn a_lone_member_gets_everything() {
    let bed = Bed::with_topic("t", 3);
    let mut consumer = bed.consumer("one", &["t"]);
    assert_eq!(settle(&mut consumer), [Assigned(partitions("t", 0..3))]);
}

#[test]
fn a_second_member_takes_over_its_share_once_the_first_has_let_go() {
    let bed = Bed::with_topic("t", 3);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    assert_eq!(settle(&mut second), [], "the first still holds all");
    let event = first.poll(NOW).unwrap();
    assert_eq!(event, Some(Revoked(partitions("t", 0..3))));
    assert_eq!(
        first.poll(NOW).unwrap(),
        None,
        "the group waits for unassign"
    );
    assert_eq!(settle(&mut second), []);
    first.unassign().unwrap();
    assert_eq!(settle(&mut second), [Assigned(partitions("t", 2..3))]);
    assert_eq!(settle(&mut first), [Assigned(partitions("t", 0..2))]);
}

#[test]
fn members_are_ordered_by_instance_id_not_by_arrival() {
    let bed = Bed::with_topic("t", 2);
    let mut late = bed.consumer("b", &["t"]);
    settle(&mut late);
    let mut early = bed.consumer("a", &["t"]);
    settle(&mut early);
    settle(&mut late);
    assert_eq!(settle(&mut early), [Assigned(partitions("t", 0..1))]);
}

#[test]
fn three_topics_stay_co_partitioned() {
    let bed = Bed::new();
    for topic in ["x", "y", "z"] {
        bed.log.create_topic(topic, 5).unwrap();
    }
    let mut consumers: Vec<_> = ["i-0", "i-1", "i-2"]
        .map(|instance| bed.consumer(instance, &["x", "y", "z"]))
        .into();
    let mut held = vec![Vec::new(); 3];
    for _ in 0..4 {
        for (consumer, held) in consumers.iter_mut().zip(&mut held) {
            for event in settle(consumer) {
                match event {
                    Assigned(partitions) => *held = partitions,
                    Revoked(_) | Lost(_) => held.clear(),
                    other => panic!("{other:?} under the classic protocol"),
                }
            }
        }
    }
    let all = |range: std::ops::Range<i32>| {
        let mut all = partitions("x", range.clone());
        all.extend(partitions("y", range.clone()));
        all.extend(partitions("z", range));
        all
    };
    assert_eq!(held, [all(0..2), all(2..4), all(4..5)]);
}

#[test]
fn a_member_beyond_the_partitions_gets_an_empty_assignment() {
    let bed = Bed::with_topic("t", 1);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut first);
    assert_eq!(settle(&mut second), [Assigned(vec![])]);
    // It has nothing to give up, so a rebalance does not ask it.
    let mut third = bed.consumer("three", &["t"]);
    settle(&mut third);
    settle(&mut first);
    assert_eq!(settle(&mut second), [Assigned(vec![])]);
}

#[test]
fn a_member_that_leaves_hands_its_partitions_on() {
    let bed = Bed::with_topic("t", 2);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut first);
    settle(&mut second);
    second.close(true, NOW).unwrap();
    let events = settle(&mut first);
    assert_eq!(
        events,
        [
            Revoked(partitions("t", 0..1)),
            Assigned(partitions("t", 0..2))
        ]
    );
}

#[test]
fn a_static_member_that_closes_keeps_its_partitions_until_its_session_ends() {
    let bed = Bed::with_topic("t", 2);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut first);
    settle(&mut second);
    second.close(false, NOW).unwrap();
    bed.clock.advance(SESSION / 2);
    assert_eq!(settle(&mut first), [], "the partition stays dark");
    bed.clock.advance(SESSION / 2);
    let events = settle(&mut first);
    assert_eq!(
        events,
        [
            Revoked(partitions("t", 0..1)),
            Assigned(partitions("t", 0..2))
        ]
    );
}

#[test]
fn a_static_member_that_comes_back_in_time_disturbs_nobody() {
    let bed = Bed::with_topic("t", 2);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut first);
    settle(&mut second);
    let group = first.group_metadata().unwrap();
    second.close(false, NOW).unwrap();
    bed.clock.advance(SESSION / 2);
    let mut again = bed.consumer("two", &["t"]);
    assert_eq!(settle(&mut again), [Assigned(partitions("t", 1..2))]);
    assert_eq!(settle(&mut first), []);
    // The generation is the same: what the others hold is still good.
    let mut producer = bed.transactional("a", &["t"]);
    producer.begin_transaction().unwrap();
    producer
        .send_offsets(&[(partition("t", 0), 1)], &group, NOW)
        .unwrap();
}

#[test]
fn a_static_member_that_comes_back_with_other_topics_causes_a_rebalance() {
    let bed = Bed::with_topic("t", 2);
    bed.log.create_topic("u", 1).unwrap();
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    drop(first);
    let mut again = bed.consumer("one", &["t", "u"]);
    let mut all = partitions("t", 0..2);
    all.extend(partitions("u", 0..1));
    assert_eq!(settle(&mut again), [Assigned(all)]);
}

#[test]
fn a_second_live_member_of_the_same_name_replaces_the_first() {
    let bed = Bed::with_topic("t", 2);
    bed.append("t", 0, "v");
    let mut first = bed.consumer("one", &["t"]);
    first.poll(NOW).unwrap();
    let starts = [(partition("t", 0), Position::Beginning)];
    let input = first.assign(&starts).unwrap()[0];
    let mut second = bed.consumer("one", &["t"]);
    assert_eq!(settle(&mut second), [Assigned(partitions("t", 0..2))]);
    // Brokers fence no fetch.
    assert_eq!(fetch(&mut first, input), (pairs(&[(0, "v")]), Some(1)));
    for _ in 0..2 {
        let error = first.poll(NOW).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Fatal);
        assert!(error.detail().starts_with("FENCED_INSTANCE_ID"), "{error}");
    }
    assert!(first.subscribe(&["t"]).is_err());
    assert_eq!(settle(&mut second), []);
}

#[test]
fn a_silent_member_is_expired_and_told_that_its_partitions_are_lost() {
    let bed = Bed::with_topic("t", 2);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    settle(&mut first);
    settle(&mut second);
    bed.clock.advance(SESSION / 2);
    settle(&mut first);
    bed.clock.advance(SESSION / 2);
    assert_eq!(
        settle(&mut first),
        [
            Revoked(partitions("t", 0..1)),
            Assigned(partitions("t", 0..2))
        ]
    );
    assert_eq!(second.poll(NOW).unwrap(), Some(Lost(partitions("t", 1..2))));
    assert_eq!(
        second.poll(NOW).unwrap(),
        None,
        "until it has given them up"
    );
    assert_eq!(settle(&mut first), []);
    second.unassign().unwrap();
    assert_eq!(settle(&mut second), [], "joined again, waits for the first");
    settle(&mut first);
    assert_eq!(settle(&mut second), [Assigned(partitions("t", 1..2))]);
}

#[test]
fn a_member_that_does_not_poll_is_expired_although_it_fetches() {
    let bed = Bed::with_topic("t", 1);
    let mut config = Bed::consumer_config("one");
    config.max_poll_interval = Duration::from_secs(10);
    let mut consumer = bed.log.consumer(&config).unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer.poll(NOW).unwrap();
    let starts = [(partition("t", 0), Position::Beginning)];
    let input = consumer.assign(&starts).unwrap()[0];
    for _ in 0..3 {
        bed.clock.advance(SESSION / 2);
        fetch(&mut consumer, input);
    }
    consumer.commit(&[(partition("t", 0), 1)]).unwrap();
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(
        consumer.poll(NOW).unwrap(),
        Some(Lost(partitions("t", 0..1)))
    );
}

#[test]
fn a_member_that_keeps_its_partitions_does_not_stop_the_group_for_ever() {
    let bed = Bed::with_topic("t", 1);
    let mut config = Bed::consumer_config("one");
    config.max_poll_interval = Duration::from_secs(10);
    let mut stubborn = bed.log.consumer(&config).unwrap();
    stubborn.subscribe(&["t"]).unwrap();
    stubborn.poll(NOW).unwrap();
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    for _ in 0..4 {
        assert!(!matches!(stubborn.poll(NOW).unwrap(), Some(Lost(_))));
        assert_eq!(settle(&mut second), []);
        bed.clock.advance(Duration::from_millis(2500));
    }
    assert_eq!(settle(&mut second), [Assigned(partitions("t", 0..1))]);
}

#[test]
fn a_change_of_topics_is_a_rebalance() {
    let bed = Bed::with_topic("t", 1);
    bed.log.create_topic("u", 1).unwrap();
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    consumer.subscribe(&["u"]).unwrap();
    let events = settle(&mut consumer);
    assert_eq!(
        events,
        [
            Revoked(partitions("t", 0..1)),
            Assigned(partitions("u", 0..1))
        ]
    );
}

#[test]
fn a_topic_that_does_not_exist_is_a_fatal_error_that_names_it() {
    let bed = Bed::new();
    let mut consumer = bed.consumer("one", &["absent"]);
    let error = consumer.poll(NOW).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.to_string().contains("absent"), "{error}");
}

#[test]
fn waiting_on_a_virtual_clock_returns_at_once() {
    let bed = Bed::with_topic("t", 1);
    let mut consumer = bed.consumer("one", &["t"]);
    settle(&mut consumer);
    consumer.wait(Duration::MAX);
    assert_eq!(consumer.poll(Duration::from_secs(3600)).unwrap(), None);
}

#[test]
fn a_group_tells_its_members_and_what_they_have_when_it_is_at_rest() {
    let bed = Bed::with_topic("t", 3);
    let mut admin = bed.log.admin("admin").unwrap();
    assert_eq!(admin.group_members("group", NOW).unwrap(), []);
    let mut first = bed.consumer("one", &["t"]);
    settle(&mut first);
    let mut second = bed.consumer("two", &["t"]);
    settle(&mut second);
    let unsettled = admin.group_members("group", NOW).unwrap_err();
    assert_eq!(unsettled.class(), ErrorClass::Retriable, "{unsettled}");
    settle(&mut first);
    settle(&mut second);
    let told: Vec<_> = admin
        .group_members("group", NOW)
        .unwrap()
        .into_iter()
        .map(|member| (member.client_id, member.partitions))
        .collect();
    let expected = [("one", 0..2), ("two", 2..3)]
        .map(|(name, range)| (name.to_owned(), partitions("t", range)));
    assert_eq!(told, expected);
}
