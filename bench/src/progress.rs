//! How far a long step has come: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const TEMPLATE: &str = "{msg:28} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";

/// The progress of one step, told on standard error.
pub(crate) struct Progress {
    what: String,
    total: u64,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Progress {
    /// A step of `total` parts.
    pub(crate) fn start(what: impl Into<String>, total: u64) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(what.clone());
            match ProgressStyle::with_template(TEMPLATE) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        if bar.is_none() {
            say(&format!("{what} ..."));
        }
        Self {
            what,
            total,
            bar,
            told: Instant::now(),
        }
    }

    /// So many parts are done.
    pub(crate) fn at(&mut self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        } else if self.told.elapsed() >= LINE_INTERVAL {
            self.told = Instant::now();
            say(&format!(
                "{} {} of {}",
                self.what,
                HumanCount(position),
                HumanCount(self.total)
            ));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line for people, beside the output.
#[expect(clippy::print_stderr, reason = "progress belongs beside the output")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
