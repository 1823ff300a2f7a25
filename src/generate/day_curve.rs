//! How busy each quarter of an hour is: lunch at 2.5 times the mean, dinner at 3.5 times, with
//! its busiest quarter at 4.5 times.

use super::clock_text::KOREA_MS;

/// Milliseconds in a quarter of an hour.
const QUARTER_MS: u64 = 15 * 60_000;
const DAY_MS: u64 = 86_400_000;

/// Rate in thousandths of the day's mean, by quarter from midnight in Korea. The mean is 1000.
const PER_MILLE: [u16; 96] = [
    540, 490, 440, 380, // 00:00
    330, 280, 250, 220, // 01:00
    200, 170, 160, 150, // 02:00
    130, 120, 110, 110, // 03:00
    90, 90, 90, 90, // 04:00
    90, 90, 100, 110, // 05:00
    120, 130, 140, 150, // 06:00
    160, 190, 210, 230, // 07:00
    250, 280, 320, 350, // 08:00
    380, 420, 470, 520, // 09:00
    610, 710, 830, 980, // 10:00
    1310, 1630, 2070, 2390, // 11:00
    2400, 2700, 2600, 2300, // 12:00
    1960, 1520, 1250, 1090, // 13:00
    930, 850, 780, 740, // 14:00
    710, 690, 670, 670, // 15:00
    700, 780, 890, 1070, // 16:00
    1360, 1800, 2340, 2940, // 17:00
    3000, 3300, 4500, 3200, // 18:00
    3160, 2830, 2390, 2010, // 19:00
    1740, 1580, 1470, 1360, // 20:00
    1310, 1250, 1200, 1140, // 21:00
    1090, 1040, 1000, 960, // 22:00
    890, 810, 720, 630, // 23:00
];

/// How the rate of new orders changes over a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayCurve {
    /// Quiet nights, lunch and dinner peaks; the configured rate is the mean of a day.
    #[default]
    Peaks,
    /// The configured rate at all hours.
    Flat,
}

impl DayCurve {
    /// The factor on the mean rate at an instant (epoch ms), and the instant up to which it holds.
    pub(super) fn factor(self, epoch_ms: f64) -> (f64, f64) {
        match self {
            Self::Flat => (1.0, f64::INFINITY),
            Self::Peaks => {
                let local = epoch_ms as u64 + KOREA_MS;
                let quarter = local / QUARTER_MS;
                let index = (local % DAY_MS / QUARTER_MS) as usize;
                let per_mille = PER_MILLE.get(index).copied().unwrap_or(1000);
                let end = (quarter + 1) * QUARTER_MS - KOREA_MS;
                (f64::from(per_mille) / 1000.0, end as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: usize) -> u32 {
        PER_MILLE
            .iter()
            .skip(hour * 4)
            .take(4)
            .map(|rate| u32::from(*rate))
            .sum::<u32>()
            / 4
    }

    #[test]
    fn the_mean_is_one_and_the_peaks_are_those_of_the_load_model() {
        assert_eq!(
            PER_MILLE.iter().map(|rate| u32::from(*rate)).sum::<u32>(),
            96_000
        );
        assert_eq!(hour(12), 2500);
        assert_eq!(hour(18), 3500);
        assert_eq!(PER_MILLE.iter().max(), Some(&4500));
    }

    #[test]
    fn the_curve_follows_korean_time() {
        let noon_in_korea = 1_764_039_600_000.0; // 2025-11-25T12:00:00+09:00
        assert_eq!(
            DayCurve::Peaks.factor(noon_in_korea),
            (2.4, noon_in_korea + 900_000.0)
        );
    }
}
