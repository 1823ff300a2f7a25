//! Stores and where they are: 300 000 stores (Zipf 0.65) in 250 districts (Zipf 1.0) of the 17
//! provinces and metropolitan cities.

use std::cmp::Reverse;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, Zipf};

/// Share of its rank that a store has in all orders.
const STORE_EXPONENT: f64 = 0.65;
const DISTRICTS: usize = 250;
/// Neighbourhoods per district; 250 × 14 = 3 500.
const NEIGHBOURHOODS: u32 = 14;

/// The 17 provinces and cities with their districts and inhabitants in tens of thousands. The
/// inhabitants only rank the districts.
const SIDOS: [(&str, u32, u32); 17] = [
    ("서울", 25, 940),
    ("부산", 16, 330),
    ("대구", 9, 237),
    ("인천", 10, 300),
    ("광주", 5, 142),
    ("대전", 5, 144),
    ("울산", 5, 110),
    ("세종", 1, 39),
    ("경기", 41, 1360),
    ("강원", 18, 153),
    ("충북", 14, 159),
    ("충남", 16, 213),
    ("전북", 15, 175),
    ("전남", 22, 180),
    ("경북", 24, 255),
    ("경남", 22, 325),
    ("제주", 2, 68),
];

/// The 13 categories with their shares in thousandths.
const CATEGORIES: [(&str, u32); 13] = [
    ("치킨", 190),
    ("한식", 170),
    ("패스트푸드", 110),
    ("분식", 95),
    ("카페디저트", 90),
    ("피자", 75),
    ("중식", 75),
    ("족발보쌈", 55),
    ("일식", 50),
    ("야식", 35),
    ("B마트", 30),
    ("배민스토어", 15),
    ("기타", 10),
];

/// A store and its place; the same for every order of the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Store {
    /// From 1; small numbers have more orders.
    pub(super) number: u32,
    pub(super) sido: &'static str,
    /// Number of the district within its sido, from 1.
    pub(super) district: u32,
    /// Number of the neighbourhood, from 1 to 3 500.
    pub(super) neighbourhood: u32,
    pub(super) category: &'static str,
}

/// Draws stores.
#[derive(Debug)]
pub(super) struct Places {
    popularity: Option<Zipf<f64>>,
    /// Districts by rank, with the share of all orders that they and those before have.
    districts: Vec<(f64, &'static str, u32)>,
}

impl Places {
    pub(super) fn new(stores: u32) -> Self {
        let mut ranked: Vec<(u32, &'static str, u32)> = SIDOS
            .into_iter()
            .flat_map(|(sido, count, inhabitants)| {
                (1..=count).map(move |number| {
                    (inhabitants * 1000 / count * 2 / (number + 1), sido, number)
                })
            })
            .collect();
        ranked.sort_by_key(|district| Reverse(district.0));
        let total: f64 = (1..=DISTRICTS).map(|rank| 1.0 / rank as f64).sum();
        let mut cumulated = 0.0;
        let districts = ranked
            .into_iter()
            .enumerate()
            .map(|(index, (_, sido, number))| {
                cumulated += 1.0 / (index + 1) as f64 / total;
                (cumulated, sido, number)
            })
            .collect();
        // Refused only for less than one store; then the one store there is gets every order.
        let popularity = Zipf::new(f64::from(stores), STORE_EXPONENT).ok();
        Self {
            popularity,
            districts,
        }
    }

    /// Draws the store of an order.
    pub(super) fn store(&self, rng: &mut Xoshiro256PlusPlus) -> Store {
        let number = self
            .popularity
            .as_ref()
            .map_or(1, |zipf| zipf.sample(rng) as u32);
        let place = mix(u64::from(number));
        let share = (place >> 40) as f64 / (1u64 << 24) as f64;
        let rank = self
            .districts
            .partition_point(|district| district.0 <= share);
        let (_, sido, district) = self
            .districts
            .get(rank)
            .or(self.districts.last())
            .copied()
            .unwrap_or((1.0, "서울", 1));
        Store {
            number,
            sido,
            district,
            neighbourhood: rank as u32 * NEIGHBOURHOODS
                + (place & 0xffff) as u32 % NEIGHBOURHOODS
                + 1,
            category: category((place >> 16 & 0xffff) as u32 % 1000),
        }
    }
}

fn category(mut per_mille: u32) -> &'static str {
    for (name, share) in CATEGORIES {
        if per_mille < share {
            return name;
        }
        per_mille -= share;
    }
    "기타"
}

/// A neighbourhood anywhere, for somebody who changes the address.
pub(super) fn any_neighbourhood(rng: &mut Xoshiro256PlusPlus) -> u32 {
    rng.random_range(1..=DISTRICTS as u32 * NEIGHBOURHOODS)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): neighbouring numbers become unlike.
const fn mix(number: u64) -> u64 {
    let a = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashMap;

    #[test]
    fn there_are_250_districts_in_17_sidos_and_13_categories() {
        assert_eq!(
            SIDOS.iter().map(|sido| sido.1).sum::<u32>(),
            DISTRICTS as u32
        );
        assert_eq!(
            CATEGORIES.iter().map(|category| category.1).sum::<u32>(),
            1000
        );
        let places = Places::new(300_000);
        assert_eq!(places.districts.len(), DISTRICTS);
        assert!((places.districts[249].0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn districts_follow_zipf_and_every_sido_and_category_has_orders() {
        let places = Places::new(300_000);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut districts: HashMap<_, u32> = HashMap::new();
        let (mut sidos, mut categories) = (HashMap::new(), HashMap::new());
        let mut first_hundred = 0;
        for _ in 0..200_000 {
            let store = places.store(&mut rng);
            *districts.entry((store.sido, store.district)).or_default() += 1;
            *sidos.entry(store.sido).or_insert(0) += 1;
            *categories.entry(store.category).or_insert(0) += 1;
            first_hundred += u32::from(store.number <= 100);
        }
        assert_eq!((sidos.len(), categories.len()), (17, 13));
        let most = f64::from(*districts.values().max().unwrap()) / 200_000.0;
        assert!(
            (0.13..0.20).contains(&most),
            "1/H(250) is 0.164, was {most}"
        );
        // Σ k^-0.65 over 100 and over 300 000 stores: 13.6 of 235.
        let share = f64::from(first_hundred) / 200_000.0;
        assert!((0.045..0.07).contains(&share), "{share}");
    }
}
