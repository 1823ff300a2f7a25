//! The dims of aggregates and the stored keys of their groups.

use proptest::prelude::*;

use crate::domain::aggregates::{
    Age, Arrival, Counted, DeltaBuffer, DeltaKind, Dim, Group, GroupError, Waited,
};

#[test]
fn dims_stand_in_the_order_of_the_design() {
    let names = |counted: Counted| -> String {
        let dims: Vec<&str> = counted.dims().iter().map(|dim| dim.name()).collect();
        format!("{}({})", counted.name(), dims.join(", "))
    };
    let all: Vec<String> = Counted::all().map(names).collect();
    assert_eq!(
        all,
        [
            "orders_created(sido, category)",
            "orders_created_by_sigungu(sido, sigungu)",
            "orders_created_by_fulfilment(fulfilment)",
            "orders_paid(sido, category)",
            "orders_paid_by_sigungu(sido, sigungu)",
            "orders_paid_by_fulfilment(fulfilment)",
            "transitions(sido, from, to, actor)",
            "in_flight(sido, status)",
            "terminal(sido, category, status, reason, liability)",
            "cancel_rate_flow(sido)",
            "cancel_rate_flow_by_category(category)",
            "cancel_rate_cohort(sido)",
            "cancel_rate_cohort_by_category(category)",
            "post_cancel(category, liability, age)",
            "lead_accept(sido)",
            "lead_accept_by_category(category)",
            "lead_cook(category)",
            "wait_dispatch(sido)",
            "wait_handover(sido)",
            "lead_ride(sido)",
            "lead_ride_by_fulfilment(fulfilment)",
            "lead_total(sido)",
            "lead_total_by_category(category)",
            "lead_total_by_fulfilment(fulfilment)",
            "promise_error(sido)",
            "promise_error_by_category(category)",
            "gmv(sido)",
            "gmv_by_category(category)",
            "reassign(sido)",
            "supply_gap(sido)",
            "top_stores(sido)",
            "rider_load(sido)",
            "stuck(sido, timer)",
            "sla_breach(sido, timer, level)",
            "sla_breach_by_fulfilment(fulfilment, timer, level)",
            "dup_order_suspect()",
            "order_created_total(sido)",
            "order_created_by_category_total(category)",
            "order_paid_total(sido)",
            "order_paid_by_category_total(category)",
            "order_terminal_total(sido, status)",
            "order_terminal_by_category_total(category, status)",
            "order_terminal_by_reason_total(status, reason)",
            "order_transitions_total(from, to)",
            "order_lead_accept_seconds()",
            "order_lead_cook_seconds()",
            "order_cook_overrun_seconds()",
            "order_wait_dispatch_seconds()",
            "order_wait_handover_seconds()",
            "order_lead_ride_seconds()",
            "order_lead_total_seconds()",
            "order_promise_error_seconds()",
            "order_delivery_attempts()",
            "order_park_seconds()",
            "order_handovers_total(waited)",
            "order_cook_implied_total()",
            "order_promises_total(sido, arrival)",
            "order_delivery_unassigned_total()",
            "order_gmv_won_total(sido)",
            "order_refunds_won_total()",
            "order_discounts_won_total()",
            "order_list_price_won_total()",
            "order_post_cancelled_total(liability)",
            "order_post_cancelled_won_total(liability)",
            "order_post_cancel_withdrawn_total()",
            "order_post_cancel_withdrawn_won_total()",
        ]
    );
    for counted in Counted::all() {
        let dims = counted.dims();
        let both = dims.contains(&Dim::Sido) && dims.contains(&Dim::Category);
        assert!(
            counted.kind() != DeltaKind::Total || !both,
            "{}",
            counted.name()
        );
    }
}

#[test]
fn the_bytes_of_a_group_are_those_of_the_format() {
    let mut deltas = DeltaBuffer::default();
    let terminal = Counted::all()
        .find(|counted| counted.name() == "terminal")
        .unwrap();
    deltas
        .group(terminal)
        .text("서울")
        .text("")
        .value(Some(4))
        .value(None)
        .value(Some(1))
        .add(1);
    let group = deltas.iter().next().unwrap().group;
    assert_eq!(
        group,
        b"\x08\x06\xec\x84\x9c\xec\x9a\xb8\x07unknown\x05\x00\x02"
    );
    for (bytes, message) in [
        (&b""[..], "the key of a group is empty"),
        (
            &b"\x60"[..],
            "group of an aggregate with code 96, which this program does not know; a later one wrote it: run that",
        ),
        (&group[..5], "group of terminal without a legal sido"),
        (&group[..17], "group of terminal without a legal reason"),
        (
            b"\x07\x01x\x10",
            "group of in_flight without a legal status",
        ),
        (
            b"\x07\x01\xff\x01",
            "group of in_flight without a legal sido",
        ),
        (
            b"\x07\x01x\x01\x00",
            "group of in_flight with 1 bytes too many",
        ),
    ] {
        assert_eq!(Group::parse(bytes).unwrap_err().to_string(), message);
    }
    assert_eq!(
        Group::parse(b"\xff"),
        Err(GroupError::UnknownAggregate(0xff))
    );
}

proptest! {
    #[test]
    fn groups_are_read_back_as_they_were_written(
        written in prop::collection::vec(
            (0..Counted::all().count(), prop::collection::vec((".{0,40}", prop::option::of(0u8..2)), 5), -1i8..2),
            0..6,
        )
    ) {
        let counted: Vec<Counted> = Counted::all().collect();
        let mut deltas = DeltaBuffer::default();
        let mut expected = Vec::new();
        for (which, values, value) in &written {
            let counted = counted[*which];
            let mut writer = deltas.group(counted);
            let mut read = Vec::new();
            for (dim, (text, code)) in counted.dims().iter().zip(values) {
                if dim.is_text() {
                    writer = writer.text(text);
                    read.push(if text.is_empty() { "unknown".to_owned() } else { text.clone() });
                } else {
                    writer = writer.value(*code);
                    let name = name_of(*dim, *code);
                    read.push(name.to_owned());
                }
            }
            writer.add(i64::from(*value));
            expected.push((counted, read, i64::from(*value)));
        }
        let found: Vec<_> = deltas.iter().map(|delta| {
            let group = Group::parse(delta.group).unwrap();
            let values: Vec<String> = group.values().map(str::to_owned).collect();
            (group.counted, values, delta.value.sum(0))
        }).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(deltas.len(), written.len());
    }

    #[test]
    fn no_two_groups_have_the_same_bytes(
        first in (0..Counted::all().count(), prop::collection::vec(("[ab]{0,3}", prop::option::of(0u8..2)), 5)),
        second in (0..Counted::all().count(), prop::collection::vec(("[ab]{0,3}", prop::option::of(0u8..2)), 5)),
    ) {
        let counted: Vec<Counted> = Counted::all().collect();
        let bytes = |(which, values): &(usize, Vec<(String, Option<u8>)>)| {
            let mut deltas = DeltaBuffer::default();
            let counted = counted[*which];
            let mut writer = deltas.group(counted);
            for (dim, (text, code)) in counted.dims().iter().zip(values) {
                writer = if dim.is_text() { writer.text(text) } else { writer.value(*code) };
            }
            writer.add(1);
            deltas.iter().next().unwrap().group.to_vec()
        };
        let (first, second) = (bytes(&first), bytes(&second));
        if first != second {
            prop_assert_ne!(Group::parse(&first).unwrap(), Group::parse(&second).unwrap());
        }
    }

    #[test]
    fn bytes_that_are_no_group_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let _ = Group::parse(&bytes);
    }
}

fn name_of(dim: Dim, code: Option<u8>) -> &'static str {
    use crate::domain::actor::{ActorType, Liability};
    use crate::domain::reason::Reason;
    use crate::domain::regions::Fulfilment;
    use crate::domain::status::DisplayStatus;
    use crate::domain::watching::{Level, Watch};
    let Some(code) = code.map(usize::from) else {
        return if matches!(dim, Dim::Fulfilment | Dim::Actor) {
            "unknown"
        } else {
            ""
        };
    };
    match dim {
        Dim::Fulfilment => Fulfilment::ALL[code].name(),
        Dim::Actor => ActorType::ALL[code].name(),
        Dim::Reason => Reason::ALL[code].name(),
        Dim::Liability => Liability::ALL[code].name(),
        Dim::Age => Age::ALL[code].name(),
        Dim::Waited => Waited::ALL[code].name(),
        Dim::Arrival => Arrival::ALL[code].name(),
        Dim::Timer => Watch::ALL[code].name(),
        Dim::Level => Level::ALL[code].name(),
        _ => DisplayStatus::ALL[code].name(),
    }
}
