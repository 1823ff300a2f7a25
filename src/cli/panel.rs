//! Live counts: redrawn in place on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use topology::runtime::State;

use crate::domain::outcome::Outcome;
use crate::service::Service;

const REDRAW: Duration = Duration::from_millis(250);
const LINE: Duration = Duration::from_secs(5);

/// Shows a running service.
pub(super) struct Panel {
    bar: Option<ProgressBar>,
    started: Instant,
    last: Option<Instant>,
    before: (Instant, u64),
    rate: f64,
}

impl Panel {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        if let Some(bar) = &bar
            && let Ok(style) = ProgressStyle::with_template("{msg}")
        {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self {
            bar,
            started: now,
            last: None,
            before: (now, 0),
            rate: 0.0,
        }
    }

    /// Shows the present figures, unless they were shown a moment ago.
    #[expect(clippy::print_stderr, reason = "figures of a running demo, for people")]
    pub(super) fn show(&mut self, service: &Service, sent: u64) {
        let now = Instant::now();
        let interval = if self.bar.is_some() { REDRAW } else { LINE };
        if self.last.is_some_and(|last| now - last < interval) {
            return;
        }
        self.last = Some(now);
        let outcomes = service.outcomes();
        let judged: u64 = outcomes.iter().map(|(_, count)| count).sum();
        let elapsed = (now - self.before.0).as_secs_f64();
        if elapsed >= 0.9 {
            self.rate = judged.saturating_sub(self.before.1) as f64 / elapsed;
            self.before = (now, judged);
        }
        let status = service.streams().status();
        let state = match status.state {
            State::Running => "RUNNING".to_owned(),
            other => format!("{other:?}: {}", status.detail),
        };
        let seconds = (now - self.started).as_secs();
        match &self.bar {
            Some(bar) => {
                let mut text = format!(
                    "jumun demo  {seconds:>4} s   {state}\n  events sent    {sent:>10}\n  events judged  {judged:>10}   {:>8.0}/s\n",
                    self.rate
                );
                for (outcome, count) in outcomes.iter().filter(|(_, count)| *count > 0) {
                    text.push_str(&format!("    {:<40} {count:>8}\n", label(*outcome)));
                }
                bar.set_message(text);
                bar.tick();
            }
            None => {
                let line: Vec<String> = outcomes
                    .iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(outcome, count)| format!("{} {count}", label(*outcome)))
                    .collect();
                eprintln!(
                    "{seconds:>4} s  {state}  sent {sent}  judged {judged}  ({:.0}/s)  {}",
                    self.rate,
                    line.join("  ")
                );
            }
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `REJECTED/PREMATURE`, or the outcome alone.
pub(super) fn label(outcome: Outcome) -> String {
    match outcome.reason() {
        "" => outcome.name().to_owned(),
        reason => format!("{}/{reason}", outcome.name()),
    }
}
