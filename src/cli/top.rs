//! `jumun top`: all instances of the application, on a terminal again and again, or once.

mod screen;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval, sleep};
use topology::{Error, ErrorClass};

use super::output::{printed, standard};
use super::paint::Paint;
use super::run::{kafka, signal};
use super::{Failure, Settings};
use crate::config::Configuration;
use crate::job;
use crate::top::ask::{Answers, ask_all};
use crate::top::brokers::{Behind, Brokers, Group, Layout};
use crate::top::draw::draw;
use crate::top::view::{View, untold};
use screen::{Key, Screen, keys};

const REFRESH: Duration = Duration::from_secs(1);
/// So long the brokers are asked again, where it is printed once.
const PATIENCE: Duration = Duration::from_secs(12);
const AGAIN: Duration = Duration::from_millis(100);
/// Below what does not fit.
const CUT_NOTE: &str = "↑ ↓ more";

/// `jumun top`
#[derive(Debug, Args)]
pub struct Top {
    /// Print it once and end; so it is where standard output is no terminal.
    #[arg(long)]
    once: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people.
    Table,
    /// One JSON object.
    Json,
}

/// What the brokers told last.
#[derive(Clone, Default)]
struct Known {
    group: Option<Group>,
    layout: Arc<Layout>,
    behind: Behind,
    /// Since when and why they do not answer.
    trouble: Option<(Instant, String)>,
}

impl Top {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let configuration = self.settings.configuration()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::work)?;
        if self.once || self.format == Format::Json || !std::io::stdout().is_terminal() {
            return self.print(&runtime, brokers(&configuration)?);
        }
        live(&runtime, &configuration)
    }

    fn print(
        &self,
        runtime: &tokio::runtime::Runtime,
        mut brokers: Brokers,
    ) -> Result<(), Failure> {
        let group = patiently(|| brokers.group())?;
        let layout = patiently(|| brokers.layout())?;
        let answers = runtime.block_on(async {
            let answers = ask_all(&group).await;
            let told = answers.values().flatten();
            if told.into_iter().all(|it| it.events_per_second.is_some()) {
                return answers;
            }
            // A rate takes two looks, and nobody had looked before.
            sleep(REFRESH).await;
            ask_all(&group).await
        });
        let (behind, trouble) = match patiently(|| brokers.behind(&untold(&layout, &answers))) {
            Ok(behind) => (behind, None),
            Err(failure) => (Behind::new(), Some(failure.message)),
        };
        let mut view = View::of(&group, &layout, &answers, &behind);
        view.group.trouble = trouble;
        let mut out = standard();
        let written = match self.format {
            Format::Json => serde_json::to_string(&view)
                .map_err(std::io::Error::other)
                .and_then(|text| writeln!(out, "{text}")),
            Format::Table => {
                let width = std::io::stdout().is_terminal().then(|| Screen::size().0);
                let lines = draw(&view, width, Paint::of_standard_output());
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))
            }
        };
        printed(written.and_then(|()| out.flush()))
    }
}

/// Asks again for a while: brokers that never had a group make their topic of offsets when they are first asked, and a
/// coordinator that moves says so.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, Error>) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(error) if error.class() == ErrorClass::Retriable && began.elapsed() < PATIENCE => {
                std::thread::sleep(AGAIN);
            }
            other => return other.map_err(Failure::work),
        }
    }
}

fn brokers(configuration: &Configuration) -> Result<Brokers, Failure> {
    let log = kafka(configuration)?;
    let topology = job::topology(&configuration.job())
        .build()
        .map_err(Failure::work)?;
    let group = configuration.application.streams_id();
    Brokers::new(log.as_ref(), "jumun-top", &group, topology).map_err(Failure::work)
}

/// What the thread that asks the brokers and the view tell each other.
#[derive(Default)]
struct Shared {
    known: Mutex<Known>,
    /// The answers of the instances, which say what is to be asked of the brokers.
    answers: Mutex<Answers>,
    /// What no waiting mends.
    fatal: Mutex<Option<Failure>>,
}

/// Asks the brokers every second, on a thread of its own: their calls block. It ends with the process.
fn watch_brokers(configuration: &Configuration, shared: &Shared) {
    let mut brokers = match brokers(configuration) {
        Ok(brokers) => brokers,
        Err(failure) => {
            *shared.fatal.lock() = Some(failure);
            return;
        }
    };
    loop {
        let began = Instant::now();
        match look(&mut brokers, shared) {
            Ok(()) => shared.known.lock().trouble = None,
            Err(error) if error.class() == ErrorClass::Fatal => {
                *shared.fatal.lock() = Some(Failure::work(error));
                return;
            }
            Err(error) => {
                let mut known = shared.known.lock();
                let since = known.trouble.as_ref().map_or(began, |(since, _)| *since);
                known.trouble = Some((since, error.to_string()));
            }
        }
        std::thread::sleep(REFRESH.saturating_sub(began.elapsed()));
    }
}

fn look(brokers: &mut Brokers, shared: &Shared) -> Result<(), Error> {
    let group = brokers.group()?;
    shared.known.lock().group = Some(group);
    let layout = brokers.layout()?;
    shared.known.lock().layout = Arc::clone(&layout);
    let wanted = untold(&layout, &shared.answers.lock());
    let behind = brokers.behind(&wanted)?;
    shared.known.lock().behind = behind;
    Ok(())
}

fn live(runtime: &tokio::runtime::Runtime, configuration: &Configuration) -> Result<(), Failure> {
    let shared = Arc::new(Shared::default());
    let (own, asked) = (Arc::clone(&shared), configuration.clone());
    std::thread::Builder::new()
        .name("top-group".to_owned())
        .spawn(move || watch_brokers(&asked, &own))
        .map_err(Failure::work)?;
    let screen = Screen::enter().map_err(Failure::work)?;
    let ended = runtime.block_on(show(&shared, configuration));
    drop(screen);
    ended
}

async fn show(shared: &Shared, configuration: &Configuration) -> Result<(), Failure> {
    let mut keys = keys();
    let mut pressing = true;
    let mut ticks = interval(REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let stopped = signal();
    tokio::pin!(stopped);
    let mut scrolled = 0_usize;
    let mut view = View {
        application: configuration.application.streams_id(),
        ..View::default()
    };
    view.group.trouble = Some(format!(
        "asking {}",
        configuration.kafka.bootstrap_servers()
    ));
    loop {
        paint(&view, &mut scrolled).map_err(Failure::work)?;
        let asked = shared.known.lock().group.clone();
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            key = keys.recv(), if pressing => match key {
                Some(Key::Quit) => return Ok(()),
                Some(Key::Up) => scrolled = scrolled.saturating_sub(1),
                Some(Key::Down) => scrolled += 1,
                None => pressing = false,
            },
            answers = next(&mut ticks, asked) => {
                if let Some(failure) = shared.fatal.lock().take() {
                    return Err(failure);
                }
                shared.answers.lock().clone_from(&answers);
                view = of(shared, &answers, view);
            }
        }
    }
}

/// Waits for the next second, and asks the instances.
async fn next(ticks: &mut tokio::time::Interval, group: Option<Group>) -> Answers {
    ticks.tick().await;
    match group {
        Some(group) => ask_all(&group).await,
        None => Answers::new(),
    }
}

fn of(shared: &Shared, answers: &Answers, before: View) -> View {
    let known = shared.known.lock().clone();
    let trouble = known
        .trouble
        .map(|(since, why)| format!("{why} (for {} s; trying on)", since.elapsed().as_secs()));
    let mut view = match &known.group {
        Some(group) => View::of(group, &known.layout, answers, &known.behind),
        None => before,
    };
    if known.group.is_some() || trouble.is_some() {
        view.group.trouble = trouble;
    }
    view
}

/// Shows as much of it as there are rows.
fn paint(view: &View, scrolled: &mut usize) -> std::io::Result<()> {
    let (columns, rows) = Screen::size();
    let mut lines = draw(view, Some(columns), Paint::of_standard_output());
    *scrolled = (*scrolled).min(lines.len().saturating_sub(rows));
    if lines.len() > rows {
        // The first line stays: it is the whole at a glance.
        let hidden = lines.len() - rows;
        lines.drain(1..=*scrolled);
        lines.truncate(rows.saturating_sub(1));
        if hidden > 0 {
            lines.push(CUT_NOTE.chars().take(columns).collect());
        }
    }
    Screen::show(&lines)
}
