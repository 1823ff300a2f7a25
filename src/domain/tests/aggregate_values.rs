//! Values of aggregates: merged in any order they are equal to the last bit, and what is told of them is within its bound.

use proptest::prelude::*;

use crate::domain::aggregates::{
    ACCURACY_PERCENT, AggregateValue, CAPACITY, Distinct, Frequent, Mark, Marks, ShortName, Since,
    Sketch, Thing, member,
};

fn sketch(samples: &[i64]) -> Option<Sketch> {
    let (first, rest) = samples.split_first()?;
    let mut sketch = Sketch::of(*first);
    rest.iter().for_each(|sample| sketch.add(*sample));
    Some(sketch)
}

fn bytes(value: &AggregateValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

fn sum<'a>(parts: impl IntoIterator<Item = &'a AggregateValue>) -> AggregateValue {
    let mut sum = AggregateValue::default();
    parts.into_iter().for_each(|part| sum.merge(part));
    sum
}

/// Samples of every size, the usual ones among them.
fn any_sample() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -3_600_000..36_000_000_i64, 0..200_i64]
}

fn any_thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        Just(Thing::None),
        any_sample().prop_map(Thing::Sample),
        proptest::collection::vec(any_sample(), 2..20)
            .prop_map(|samples| Thing::Sketch(Box::new(sketch(&samples).unwrap()))),
    ]
}

fn any_name() -> impl Strategy<Value = Thing> {
    // Few of them, so that they meet; one is too long to be a short one.
    const NAMES: &[&str] = &[
        "",
        "st_1",
        "st_2",
        "가게",
        "a store with a name longer than others",
    ];
    proptest::sample::select(NAMES).prop_map(|name| match ShortName::new(name) {
        Some(short) => Thing::Name(short),
        None => Thing::Names(Box::new(Frequent::of(name))),
    })
}

fn any_pair() -> impl Strategy<Value = Thing> {
    (any::<u64>(), any::<u64>()).prop_map(|(rider, delivery)| Thing::Pair(rider, delivery))
}

/// Few minutes, so that what was added is taken off again.
fn any_began() -> impl Strategy<Value = Thing> {
    let number = prop_oneof![Just(1_i64), Just(-1_i64)];
    (0..3_i64, number).prop_map(|(minute, number)| Thing::Began(minute, number))
}

fn any_mark() -> impl Strategy<Value = Thing> {
    (any::<u64>(), -2_i64..2, any::<bool>()).prop_map(|(order, at, created)| {
        Thing::Mark(Mark {
            at,
            created,
            order: order % 3,
        })
    })
}

fn any_values(thing: impl Strategy<Value = Thing>) -> impl Strategy<Value = Vec<AggregateValue>> {
    let sums = [-1_000..1_000_i64, 0..2, 0..1, -9..9];
    let value = (sums, thing).prop_map(|(sums, thing)| AggregateValue::of(sums).with(thing));
    proptest::collection::vec(value, 0..12)
}

proptest! {
    #[test]
    fn a_quantile_is_within_a_percent_of_the_sample_it_stands_for(
        mut samples in proptest::collection::vec(any_sample(), 1..200),
        percent in 0..=100_u32,
    ) {
        let sketch = sketch(&samples).unwrap();
        samples.sort_unstable();
        let exact = samples[percent as usize * (samples.len() - 1) / 100];
        let told = i128::from(sketch.quantile(percent));
        let off = (told - i128::from(exact)).abs() * 100;
        prop_assert!(
            off <= i128::from(exact).abs() * i128::from(ACCURACY_PERCENT),
            "{told} for {exact}"
        );
        prop_assert_eq!((sketch.min(), sketch.max()), (samples[0], *samples.last().unwrap()));
        prop_assert_eq!(sketch.count(), samples.len() as u64);
    }

    #[test]
    fn parts_in_any_order_and_grouping_are_one_value_of_the_same_bytes(
        values in any_values(any_thing()),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = bytes(&sum(&values));
        prop_assert_eq!(&bytes(&sum(values.iter().rev())), &whole);
        let (left, right) = values.split_at(cut.index(values.len() + 1));
        prop_assert_eq!(&bytes(&sum([&sum(left), &sum(right)])), &whole);
        prop_assert_eq!(&bytes(&sum([&sum(right), &sum(left)])), &whole);
    }

    #[test]
    fn different_things_in_any_order_are_one_value_of_the_same_bytes(
        values in prop_oneof![
            any_values(any_pair()),
            any_values(any_name()),
            any_values(any_began()),
            any_values(any_mark()),
        ],
    ) {
        let whole = bytes(&sum(&values));
        prop_assert_eq!(&bytes(&sum(values.iter().rev())), &whole);
        let (left, right) = values.split_at(values.len() / 2);
        prop_assert_eq!(&bytes(&sum([&sum(right), &sum(left)])), &whole);
    }

    #[test]
    fn what_is_written_is_read(values in prop_oneof![
        any_values(any_thing()), any_values(any_pair()), any_values(any_name()), any_values(any_began()), any_values(any_mark())
    ]) {
        let mut read = AggregateValue::count(7);
        for value in values.iter().chain([&sum(&values)]) {
            let written = bytes(value);
            read.decode(&written).unwrap();
            prop_assert_eq!(bytes(&read), written);
        }
    }

    #[test]
    fn broken_bytes_are_refused_or_read_without_harm(bytes in any::<Vec<u8>>(), bits in any::<u8>()) {
        let mut value = AggregateValue::default();
        let _ = value.decode(&bytes);
        let _ = value.decode(&[&[0x80, 0, bits], bytes.as_slice()].concat());
    }
}

#[test]
fn counts_are_written_as_before_there_was_anything_else() {
    for (count, written) in [(0, &[0][..]), (1, &[2]), (-1, &[1]), (300, &[0xd8, 4])] {
        assert_eq!(bytes(&AggregateValue::count(count)), written);
    }
}

#[test]
fn bins_touch_and_small_samples_are_exact() {
    for sample in (0..5_000_000)
        .step_by(7)
        .chain([i64::MAX, i64::MIN, i64::MIN + 1])
    {
        let told = sketch(&[sample.saturating_sub(1), sample, sample.saturating_add(1)]).unwrap();
        let median = told.quantile(50);
        if sample < 90 && sample > -90 {
            assert_eq!(median, sample);
        }
        assert!((i128::from(median) - i128::from(sample)).abs() * 100 <= i128::from(sample).abs());
    }
}

#[test]
fn different_things_are_counted_to_a_few_percent() {
    let mut things = Distinct::default();
    let mut worst = 0.0_f64;
    for number in 1..=50_000_u64 {
        things.add(member(&number.to_le_bytes()));
        things.add(member(&number.to_le_bytes()));
        if number <= 20 || number % 997 == 0 {
            let told = things.count() as f64;
            worst = worst.max((told - number as f64).abs() / number as f64);
        }
    }
    assert!(worst < 0.049, "three standard errors, but {worst}");
}

#[test]
fn more_names_than_have_a_place_cost_no_more_than_the_bound_says() {
    let mut parts = vec![Frequent::default(); 3];
    let (mut exact, mut seed) = (std::collections::BTreeMap::new(), 7_u64);
    for number in 0..30_000_usize {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Few names often, many seldom.
        let name = (seed >> 33) % ((seed >> 50) % 2_000 + 1);
        let name = format!("st_{name}");
        parts[number % 3].add(&name, 1);
        *exact.entry(name).or_insert(0) += 1;
    }
    let mut all = Frequent::default();
    parts.iter().for_each(|part| all.merge(part));
    assert!(exact.len() > CAPACITY && all.names().count() <= CAPACITY);
    assert!(all.missing() > 0 && all.missing() <= 30_000 / CAPACITY as u64);
    let told: std::collections::BTreeMap<&str, u64> = all.names().collect();
    for (name, count) in &exact {
        let told = told.get(name.as_str()).copied().unwrap_or(0);
        assert!(
            told <= *count && *count <= told + all.missing(),
            "{name}: {told} of {count}"
        );
    }
    let most = exact.iter().max_by_key(|(_, count)| **count).unwrap();
    assert_eq!(all.top(1), [(most.0.as_str(), told[most.0.as_str()])]);
}

#[test]
fn short_names_are_read_back() {
    for name in ["", "st_1", "가게 서울 강남", "twenty-three bytes long"] {
        assert_eq!(ShortName::new(name).unwrap().as_str(), name);
    }
    assert_eq!(ShortName::new("twenty-four bytes long !"), None);
}

#[test]
fn what_began_and_is_over_leaves_nothing() {
    let mut value = AggregateValue::of([1]).with(Thing::Began(7, 1));
    value.merge(&AggregateValue::of([1]).with(Thing::Began(9, 1)));
    let Thing::Since(since) = value.thing() else {
        panic!("{value:?}");
    };
    assert_eq!(since.oldest(), Some(7 * 60_000));
    for minute in [7, 9] {
        value.merge(&AggregateValue::of([-1]).with(Thing::Began(minute, -1)));
    }
    assert_eq!(value, AggregateValue::default());
}

#[test]
fn the_bytes_of_values_are_pinned() {
    let pinned = jumun_harness::Pinned::load(env!("CARGO_MANIFEST_DIR"), "aggregate-value-1.hex");
    let mut stores = Frequent::default();
    stores.add("st_1", 3);
    stores.add("st_2", 1);
    let samples = sketch(&[-61_000, 0, 61_234, 61_235, 3_600_000]).unwrap();
    let mut pairs = AggregateValue::default();
    for (rider, delivery) in [(1 << 60, 7), (5, 1 << 63)] {
        pairs.merge(&AggregateValue::default().with(Thing::Pair(rider, delivery)));
    }
    let mut since = Since::default();
    since.add(29_919_060, 2);
    since.add(29_919_067, -1);
    let mut marks = Marks::default();
    for (at, created, order) in [
        (1_795_143_600_250, false, 1 << 63),
        (1_795_143_600_000, true, 7),
    ] {
        marks.add(Mark { at, created, order });
    }
    for (name, value) in [
        (
            "since",
            AggregateValue::of([1]).with(Thing::Since(Box::new(since))),
        ),
        (
            "marks",
            AggregateValue::default().with(Thing::Marks(Box::new(marks))),
        ),
        ("count", AggregateValue::count(-3)),
        ("sums", AggregateValue::of([0, 1, -20_000, 4])),
        (
            "sample",
            AggregateValue::of([1]).with(Thing::Sample(61_234)),
        ),
        (
            "sketch",
            AggregateValue::of([0, 2]).with(Thing::Sketch(Box::new(samples))),
        ),
        ("pairs", pairs),
        (
            "names",
            AggregateValue::default().with(Thing::Names(Box::new(stores))),
        ),
    ] {
        pinned.assert_written(name, &bytes(&value));
        let mut read = AggregateValue::default();
        read.decode(pinned.bytes(name)).unwrap();
        assert_eq!(read, value, "{name}");
    }
}
