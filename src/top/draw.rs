//! The view as lines, none wider than it may be: what does not fit is cut, never wrapped.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::report::RestoreReport;
use super::view::{InstanceView, TaskView, View};
use crate::cli::paint::{Paint, Tone};
use crate::cli::span::span;

/// Cells of a restore's bar.
const BAR: u64 = 10;

/// A piece of a line, in one colour.
type Span = (Option<Tone>, String);
/// A row of a table: cells.
type Row = Vec<Span>;

/// The lines, none wider than `width` columns where there is one.
#[must_use]
pub fn draw(view: &View, width: Option<usize>, paint: Paint) -> Vec<String> {
    let mut lines = header(view);
    if !view.instances.is_empty() {
        lines.push(Vec::new());
        let headings = [
            "INSTANCE",
            "ADDRESS",
            "STATE",
            "TASKS",
            "EVENTS/S",
            "LAG",
            "RESTORING",
            "STANDBYS",
            "COMMIT",
            "",
        ];
        lines.extend(table(&headings, view.instances.iter().map(instance)));
    }
    if !view.tasks.is_empty() {
        lines.push(Vec::new());
        let headings = [
            "TASK", "OWNER", "PHASE", "LAG", "BEHIND", "COMMIT", "RESTORE", "",
        ];
        lines.extend(table(&headings, view.tasks.iter().map(task)));
    }
    let lines = lines.into_iter().map(|line| fit(line, width, paint));
    lines.collect()
}

fn plain(text: impl Into<String>) -> Span {
    (None, text.into())
}

fn toned(tone: Tone, text: impl Into<String>) -> Span {
    (Some(tone), text.into())
}

fn header(view: &View) -> Vec<Row> {
    let group = &view.group;
    let about = if view.lag_is_estimate { "~" } else { "" };
    let mut first = vec![
        toned(Tone::Strong, view.application.clone()),
        plain(format!(
            "  group {} ({})  members {}  lag {about}{}  events/s {}",
            group.state,
            group.protocol,
            group.members,
            number(view.lag),
            view.events_per_second.map_or("-".to_owned(), rate),
        )),
    ];
    if view.lag_is_estimate {
        first.push(toned(Tone::Faint, "  (~ from offsets: markers count)"));
    }
    let mut lines = vec![first];
    if let Some(trouble) = &group.trouble {
        lines.push(vec![toned(Tone::Bad, one_line(trouble))]);
    }
    if group.members == 0 && group.trouble.is_none() {
        let told = format!(
            "nobody runs; committed offsets say lag {}",
            number(view.lag)
        );
        lines.push(vec![toned(Tone::Warning, told)]);
    }
    lines
}

fn instance(view: &InstanceView) -> Row {
    let state = match (&view.state, view.answers) {
        (Some(state), true) => (Some(tone(state)), state.clone()),
        _ => toned(Tone::Bad, "NO ANSWER"),
    };
    let restoring = match (view.restoring, view.restore_eta_seconds) {
        (0, _) => "-".to_owned(),
        (count, None) => count.to_string(),
        (count, Some(eta)) => format!("{count}, {}", span(eta)),
    };
    let standbys = match (view.standby_tasks, view.standby_lag) {
        (0, _) => "-".to_owned(),
        (count, 0) => count.to_string(),
        (count, lag) => format!(
            "{count}, lag {}",
            number(i64::try_from(lag).unwrap_or(i64::MAX))
        ),
    };
    let note = view.problem.as_ref().or(view.detail.as_ref());
    vec![
        plain(view.id.clone()),
        plain(view.address.clone().unwrap_or_else(|| "-".to_owned())),
        state,
        plain(view.tasks.to_string()),
        plain(view.events_per_second.map_or("-".to_owned(), rate)),
        plain(view.lag.map_or("-".to_owned(), number)),
        plain(restoring),
        plain(standbys),
        plain(view.last_commit_age_ms.map_or("-".to_owned(), age)),
        toned(
            Tone::Faint,
            note.map_or_else(String::new, |note| one_line(note)),
        ),
    ]
}

fn task(view: &TaskView) -> Row {
    let owner = match (&view.instance, view.thread) {
        (Some(instance), Some(thread)) => plain(format!("{instance}/{thread}")),
        (Some(instance), None) => plain(instance.clone()),
        (None, _) => toned(Tone::Bad, "nobody"),
    };
    let phase = match &view.phase {
        Some(phase) => (Some(tone(phase)), phase.clone()),
        None => toned(Tone::Bad, "?"),
    };
    let about = if view.lag_is_estimate { "~" } else { "" };
    let mut notes = Vec::new();
    if view.dead_letter_circuit.as_deref() == Some("open") {
        notes.push("dead letters:".to_owned());
    }
    notes.extend(view.paused.as_ref().map(|reason| one_line(reason)));
    vec![
        plain(view.id.clone()),
        owner,
        phase,
        plain(
            view.lag
                .map_or("-".to_owned(), |lag| format!("{about}{}", number(lag))),
        ),
        plain(view.lag_ms.map_or("-".to_owned(), age)),
        plain(view.last_commit_age_ms.map_or("-".to_owned(), age)),
        plain(view.restore.as_ref().map_or("-".to_owned(), bar)),
        toned(Tone::Warning, notes.join(" ")),
    ]
}

fn tone(state: &str) -> Tone {
    match state {
        "RUNNING" => Tone::Good,
        "ERROR" | "PENDING_ERROR" | "NOT_RUNNING" => Tone::Bad,
        _ => Tone::Warning,
    }
}

/// `[####......] 42% 3 min`
fn bar(restore: &RestoreReport) -> String {
    let total = restore.total.max(1);
    let done = total.saturating_sub(restore.remaining.min(total));
    let full = done.saturating_mul(BAR) / total;
    let bar: String = (0..BAR)
        .map(|cell| if cell < full { '#' } else { '.' })
        .collect();
    let eta = restore
        .eta_seconds
        .map_or_else(String::new, |eta| format!(" {}", span(eta)));
    format!("[{bar}] {}%{eta}", done.saturating_mul(100) / total)
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table(headings: &[&str], rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let headings = headings.iter().map(|heading| toned(Tone::Faint, *heading));
    let mut rows: Vec<Row> = std::iter::once(headings.collect()).chain(rows).collect();
    let columns = rows.first().map_or(0, Vec::len);
    for column in 0..columns.saturating_sub(1) {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|(_, text)| text.width()).max().unwrap_or(0);
        for (_, text) in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            let blanks = widest.saturating_sub(text.width()) + 2;
            text.extend(std::iter::repeat_n(' ', blanks));
        }
    }
    rows
}

/// A line that is no wider; its end says that it was cut.
fn fit(line: Row, width: Option<usize>, paint: Paint) -> String {
    let limit = width.unwrap_or(usize::MAX);
    let whole: usize = line
        .iter()
        .map(|(_, text)| text.trim_end_matches('\n').width())
        .sum();
    let last = line
        .iter()
        .rposition(|(_, text)| !text.trim_end().is_empty());
    let mut left = if whole > limit {
        limit.saturating_sub(1)
    } else {
        limit
    };
    let mut fitted = String::new();
    for (index, (tone, text)) in line.into_iter().enumerate() {
        let text = match last {
            Some(last) if index == last => text.trim_end().to_owned(),
            Some(last) if index < last => text,
            _ => String::new(),
        };
        let mut kept = String::new();
        let mut is_cut = false;
        for char in text.chars() {
            let wide = char.width().unwrap_or(0);
            if wide > left {
                is_cut = true;
                break;
            }
            left -= wide;
            kept.push(char);
        }
        if !kept.is_empty() {
            fitted += &match tone {
                Some(tone) => paint.paint(tone, kept),
                None => kept,
            };
        }
        if is_cut {
            fitted.extend((limit > 0).then_some('…'));
            break;
        }
    }
    fitted
}

/// Without what would move the cursor or begin a line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// `1,234,567`
fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match value < 0 {
        true => format!("-{text}"),
        false => text,
    }
}

fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 10.0 {
        return format!("{per_second:.1}");
    }
    number(per_second.round() as i64)
}

/// Of milliseconds, in the unit that suits.
fn age(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => span(ms / 1_000),
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
