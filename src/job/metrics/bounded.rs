//! Label values that come from events, kept to those that are known: whoever sends nonsense must not make a series of it.

use std::borrow::Cow;

use crate::domain::aggregates::{Dim, UNKNOWN};

/// The provinces and cities of Korea, by their short names.
pub const SIDOS: [&str; 17] = [
    "서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종", "경기", "강원", "충북", "충남",
    "전북", "전남", "경북", "경남", "제주",
];

/// What stores sell.
pub const CATEGORIES: [&str; 14] = [
    "치킨",
    "피자",
    "한식",
    "중식",
    "일식",
    "분식",
    "족발보쌈",
    "카페디저트",
    "패스트푸드",
    "야식",
    "B마트",
    "배민스토어",
    "기타",
    UNKNOWN,
];

/// The value itself if it is known, else one that stands for all others of this merging task. It names the task,
/// because each series must be told by one task only.
pub(super) fn bounded(dim: Dim, value: &str, partition: i32) -> Cow<'_, str> {
    let known = match dim {
        Dim::Sido => SIDOS.contains(&value) || value == UNKNOWN,
        Dim::Category => CATEGORIES.contains(&value),
        _ => true,
    };
    match known {
        true => Cow::Borrowed(value),
        false => Cow::Owned(format!("other-{partition}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{EventSource, GeneratedEvent, Generator, GeneratorConfig};

    #[test]
    fn what_is_not_known_is_one_series_per_task() {
        assert_eq!(bounded(Dim::Sido, "서울", 1), "서울");
        assert_eq!(bounded(Dim::Sido, "unknown", 1), "unknown");
        assert_eq!(bounded(Dim::Sido, "Atlantis", 1), "other-1");
        assert_eq!(bounded(Dim::Category, "서울", 0), "other-0");
        assert_eq!(bounded(Dim::Status, "COMPLETED", 0), "COMPLETED");
    }

    #[test]
    fn what_the_marketplace_sells_is_known() {
        let mut generator = Generator::new(GeneratorConfig::new(3, 1_795_100_400_000));
        let mut event = GeneratedEvent::default();
        let mut seen = 0;
        for _ in 0..20_000 {
            assert!(generator.next_into(&mut event));
            let Ok(json) = serde_json::from_slice::<serde_json::Value>(&event.value) else {
                continue;
            };
            let info = &json["info"];
            if let (Some(sido), Some(category)) = (info["sido"].as_str(), info["category"].as_str())
            {
                seen += 1;
                assert_eq!(bounded(Dim::Sido, sido, 0), sido);
                assert_eq!(bounded(Dim::Category, category, 0), category);
            }
        }
        assert!(seen > 100, "{seen} orders");
    }
}
