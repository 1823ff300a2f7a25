//! Values that are no numbers: what must come out, and what was told against it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::WINDOW;
use super::grouping::{Grouping, Rich};
use super::life::Part;
use super::told::{Group, Window};

/// A quantile is off by so much of itself at most (order-domain 3: α = 1 %).
const ALPHA: f64 = 0.01;
/// Distinct riders are counted with a standard error of 1.04 / √4096; so many of these are never seen.
const MOST_ERRORS: f64 = 5.0;
/// Stores that are told.
const TOP: usize = 20;
/// Stores whose counts are kept.
const KEPT: i64 = 200;

/// Everything that was added to a group in a window.
#[derive(Debug, Default, Clone)]
pub struct RichSum {
    sums: BTreeMap<&'static str, i64>,
    samples: Vec<i64>,
    riders: BTreeSet<String>,
    deliveries: BTreeSet<String>,
    stores: BTreeMap<String, i64>,
    /// By the minute in which it began.
    pub began: BTreeMap<i64, i64>,
    n: i64,
}

impl RichSum {
    pub fn add(&mut self, parts: Vec<Part>) {
        self.n += 1;
        for part in parts {
            match part {
                Part::Sum(name, number) => *self.sums.entry(name).or_default() += number,
                Part::Sample(sample) => self.samples.push(sample),
                Part::Began(minute, number) => *self.began.entry(minute).or_default() += number,
                Part::Store(store) => *self.stores.entry(store).or_default() += 1,
                Part::Active { rider, delivery } => {
                    self.riders.insert(rider);
                    self.deliveries.insert(delivery);
                }
            }
        }
    }
}

type Expected = BTreeMap<i64, RichSum>;

/// What is wrong with what was told of a window; `None` where nothing is.
pub fn difference(
    grouping: Grouping,
    rich: Rich,
    window: i64,
    expected: &Expected,
    told: &Group,
) -> Option<String> {
    let nothing = Window::default();
    let window_told = told.windows.get(&window).unwrap_or(&nothing);
    let mut sum = expected.get(&window).cloned().unwrap_or_default();
    if rich.minutes > 1 {
        return stores(window, rich.minutes, expected, told).err();
    }
    let is_late = !window_told.rich_late.is_empty();
    for late in &window_told.rich_late {
        if let Err(error) = subtract(rich, &mut sum, late) {
            return Some(error);
        }
    }
    let Some((value, n)) = &window_told.rich else {
        return (sum.n != 0 && !grouping.is_gauge)
            .then(|| format!("{} deltas are not told", sum.n));
    };
    if !grouping.is_gauge && *n != sum.n {
        return Some(format!("n is {n}, not {}", sum.n));
    }
    let check = || {
        if grouping.name == "rider_load" {
            return distinct(&sum, value, is_late);
        }
        for name in rich.sums {
            let known = sum.sums.get(name).copied().unwrap_or(0);
            if value[*name].as_i64() != Some(known) {
                return Err(format!("{name} is {}, not {known}", value[*name]));
            }
        }
        if rich.has_samples {
            quantiles(&mut sum.samples.clone(), value)?;
        }
        ratios(rich, value)
    };
    check().err()
}

/// Takes what came late from what was expected: the rest came in time.
fn subtract(rich: Rich, sum: &mut RichSum, late: &Value) -> Result<(), String> {
    sum.n -= 1;
    for (name, number) in late.as_object().ok_or("a late delta is no object")? {
        if let Some(known) = rich.sums.iter().find(|known| *known == name) {
            *sum.sums.entry(known).or_default() -= number.as_i64().ok_or("no number")?;
            continue;
        }
        match name.as_str() {
            "requested" | "riders" | "deliveries" => {}
            "samples" => {
                for pair in number.as_array().ok_or("no samples")? {
                    let sample = pair[0].as_i64().ok_or("no sample")?;
                    if pair[1] != 1 {
                        return Err(format!("a late delta of more than one sample: {pair}"));
                    }
                    let place = sum.samples.iter().position(|known| *known == sample);
                    sum.samples
                        .swap_remove(place.ok_or_else(|| format!("nothing took {sample}"))?);
                }
            }
            other => return Err(format!("a late member {other}")),
        }
    }
    Ok(())
}

fn quantiles(samples: &mut [i64], value: &Value) -> Result<(), String> {
    let of = |name: &str| value[name].as_i64();
    if of("count") != i64::try_from(samples.len()).ok() {
        return Err(format!(
            "count is {}, not {}",
            value["count"],
            samples.len()
        ));
    }
    samples.sort_unstable();
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return match of("p50") {
            None => Ok(()),
            Some(_) => Err("a quantile of nothing".to_owned()),
        };
    };
    if of("min") != Some(*first) || of("max") != Some(*last) {
        return Err(format!(
            "from {} to {}, not {first} to {last}",
            value["min"], value["max"]
        ));
    }
    for (name, percent) in [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)] {
        let exact = samples[percent * (samples.len() - 1) / 100];
        let told = of(name).ok_or_else(|| format!("no {name}"))?;
        if (told - exact).abs() as f64 > exact.abs() as f64 * ALPHA {
            return Err(format!("{name} is {told}, exactly {exact}"));
        }
    }
    Ok(())
}

/// Quotients of what was told itself.
fn ratios(rich: Rich, value: &Value) -> Result<(), String> {
    for (name, number, by, least) in rich.ratios {
        let by = value[if by.is_empty() { "count" } else { *by }]
            .as_f64()
            .unwrap_or(0.0);
        let told = value.get(*name).ok_or_else(|| format!("no {name}"))?;
        let known = value[*number]
            .as_f64()
            .ok_or_else(|| format!("no {number}"))?
            / by;
        let is_right = match by < *least as f64 {
            true => told.is_null(),
            false => told
                .as_f64()
                .is_some_and(|told| (told - known).abs() < 1e-9),
        };
        if !is_right {
            return Err(format!("{name} is {told} of {value}"));
        }
    }
    if let (Some(gmv), Some(refunds)) = (value["gmv"].as_i64(), value["refunds"].as_i64())
        && value["net"] != gmv - refunds
    {
        return Err(format!("net is {}", value["net"]));
    }
    Ok(())
}

/// What came late may have been of a rider who came in time too.
fn distinct(sum: &RichSum, value: &Value, is_late: bool) -> Result<(), String> {
    for (name, known) in [
        ("riders", sum.riders.len()),
        ("deliveries", sum.deliveries.len()),
    ] {
        let told = value[name].as_u64().ok_or_else(|| format!("no {name}"))? as f64;
        let (known, error) = (known as f64, 1.04 / 64.0);
        let is_near = (told - known).abs() <= known * error * MOST_ERRORS + 1.0;
        if !(is_near || (is_late && told <= known)) {
            return Err(format!("{told} {name}, not {known}"));
        }
    }
    Ok(())
}

/// The windows of ten minutes that were told, and the minutes that came late.
fn stores(window: i64, minutes: i64, expected: &Expected, told: &Group) -> Result<(), String> {
    let span = window..window + minutes * WINDOW;
    let mut in_time: BTreeMap<String, i64> = BTreeMap::new();
    for (_, sum) in expected.range(span.clone()) {
        for (store, orders) in &sum.stores {
            *in_time.entry(store.clone()).or_default() += orders;
        }
    }
    for (_, window) in told.windows.range(span) {
        for late in window
            .rich_late
            .iter()
            .flat_map(|late| late["stores"].as_array().unwrap())
        {
            let store = late["storeId"].as_str().unwrap_or_default();
            *in_time.entry(store.to_owned()).or_default() -= late["orders"].as_i64().unwrap();
        }
    }
    in_time.retain(|_, orders| *orders > 0);
    let told = told
        .windows
        .get(&window)
        .and_then(|window| window.rich.as_ref());
    let Some((value, n)) = told else {
        return Ok(());
    };
    if *n != in_time.values().sum::<i64>() {
        return Err(format!("n is {n}, not {}", in_time.values().sum::<i64>()));
    }
    let read = |entry: &Value| {
        let store = entry["storeId"].as_str().unwrap_or_default().to_owned();
        (store, entry["orders"].as_i64().unwrap_or_default())
    };
    let top: Vec<(String, i64)> = value["top"]
        .as_array()
        .ok_or("no top")?
        .iter()
        .map(read)
        .collect();
    let missing = value["missing"].as_i64().ok_or("nothing missing")?;
    are_best(&top, missing, in_time).map_err(|why| format!("{value}: {why}"))
}

/// Whether these are the stores with the most orders, of which so many may be missing from each count: the bound that is
/// published, and which is itself bounded by how many orders there were. Where none is missing, they are exact.
fn are_best(
    top: &[(String, i64)],
    missing: i64,
    mut counts: BTreeMap<String, i64>,
) -> Result<(), String> {
    if missing < 0 || missing * (KEPT + 1) > counts.values().sum::<i64>() {
        return Err("too many are missing".to_owned());
    }
    if missing == 0 {
        let mut best: Vec<(String, i64)> = counts.into_iter().collect();
        best.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        best.truncate(TOP);
        return match top == best {
            true => Ok(()),
            false => Err(format!("not {best:?}")),
        };
    }
    if !top.is_sorted_by_key(|(store, orders)| (std::cmp::Reverse(*orders), store)) {
        return Err("not in order".to_owned());
    }
    for (store, orders) in top {
        let known = counts.remove(store).unwrap_or(0);
        if !(*orders..=orders + missing).contains(&known) {
            return Err(format!("{known} orders of {store}"));
        }
    }
    let last = top.get(TOP - 1).map_or(0, |(_, orders)| *orders);
    match counts.iter().find(|(_, known)| **known > last + missing) {
        Some((store, known)) => Err(format!("{known} orders of {store} are not told")),
        None => Ok(()),
    }
}

/// Windows of which something must be told: of ten minutes each that ends with a minute in which there was something.
pub fn windows_to_tell(rich: Rich, expected: &Expected, told: &Group) -> BTreeSet<i64> {
    if rich.minutes == 1 {
        return expected.keys().copied().collect();
    }
    let late = |minute: &i64| {
        let late = told
            .windows
            .get(minute)
            .map_or(&[][..], |window| &window.rich_late);
        i64::try_from(late.len()).unwrap()
    };
    let in_time = expected.iter().filter(|(minute, sum)| sum.n > late(minute));
    in_time
        .map(|(minute, _)| minute - (rich.minutes - 1) * WINDOW)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A told top, what may be missing, and whether it fits 21 stores of 40 orders each but for the last, which has 60.
    fn fits(told: &[(&str, i64)], missing: i64) -> bool {
        let orders = |store: i64| if store == 20 { 60 } else { 40 };
        let counts = (0..21).map(|store| (format!("st_{store:02}"), orders(store)));
        let told: Vec<(String, i64)> = told
            .iter()
            .map(|(store, orders)| ((*store).to_owned(), *orders))
            .collect();
        are_best(&told, missing, counts.collect()).is_ok()
    }

    /// The last store, and the first nineteen with so many orders each.
    fn told(last: i64, others: i64) -> Vec<(&'static str, i64)> {
        const OTHERS: [&str; 19] = [
            "st_00", "st_01", "st_02", "st_03", "st_04", "st_05", "st_06", "st_07", "st_08",
            "st_09", "st_10", "st_11", "st_12", "st_13", "st_14", "st_15", "st_16", "st_17",
            "st_18",
        ];
        let others = OTHERS.map(|store| (store, others));
        std::iter::once(("st_20", last)).chain(others).collect()
    }

    #[test]
    fn what_misses_nothing_is_exact() {
        assert!(fits(&told(60, 40), 0));
        assert!(!fits(&told(60, 39), 0));
        assert!(!fits(&told(60, 40)[1..], 0));
    }

    #[test]
    fn what_misses_some_is_within_its_bound() {
        assert!(fits(&told(58, 38), 2));
        assert!(fits(&told(60, 38), 2));
        assert!(!fits(&told(57, 38), 2), "three are missing");
        assert!(!fits(&told(61, 38), 2), "one too many");
        assert!(!fits(&told(58, 37), 2), "three are missing of the others");
        assert!(!fits(&told(58, 38)[1..], 2), "the best is not told");
        assert!(
            !fits(&told(56, 36), 5),
            "of 860 orders no more than four can be missing"
        );
        let mut turned = told(58, 38);
        turned.swap(1, 2);
        assert!(!fits(&turned, 2), "not in order");
    }
}
