//! The one way by which wall-clock time enters the library (invariant 12).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A duration in the unit of timestamps, bounded so that a sum of a few does not overflow.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(i64::MAX / 4, |ms| ms.min(i64::MAX / 4))
}

/// A source of time. Everything that depends on time takes one of these.
pub trait Clock: Send + Sync {
    /// Wall-clock time in milliseconds since the Unix epoch.
    fn wall_clock_ms(&self) -> i64;

    /// Time since an arbitrary start; never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration`; a virtual clock returns at once without moving.
    fn sleep(&self, duration: Duration);

    /// Whether time moves only when told to, so that waiting for it is in vain.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall_clock_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that moves only when told to.
///
/// ```
/// use topology::time::{Clock, VirtualClock};
/// let clock = VirtualClock::at(1_000);
/// clock.advance(std::time::Duration::from_millis(250));
/// assert_eq!(clock.wall_clock_ms(), 1_250);
/// ```
#[derive(Debug)]
pub struct VirtualClock {
    now: AtomicI64,
    /// Wall-clock time at which monotonic time began.
    origin: AtomicI64,
}

impl VirtualClock {
    /// A clock that stands at `wall_clock_ms`.
    pub fn at(wall_clock_ms: i64) -> Self {
        Self {
            now: AtomicI64::new(wall_clock_ms),
            origin: AtomicI64::new(wall_clock_ms),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the wall clock back, as an operator or NTP does; monotonic time stands.
    pub fn set_back(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.origin.fetch_sub(ms, Ordering::SeqCst);
        self.now.fetch_sub(ms, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn wall_clock_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        let origin = self.origin.load(Ordering::SeqCst);
        let ms = self.now.load(Ordering::SeqCst).saturating_sub(origin);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    fn sleep(&self, _duration: Duration) {}

    fn is_virtual(&self) -> bool {
        true
    }
}
