use std::io::{self, Write};

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::entries::{event, hexadecimal, whole_json};
use super::selection::Selection;
use crate::cli::output::{OutputFormat, printed, standard, time};
use crate::cli::run::kafka;
use crate::cli::{Failure, Settings};
use crate::dead_letters::Entry;
use crate::dead_letters::advice::{Advice, advice};

/// Of bytes that are no text so many are shown.
const SHOWN_BYTES: usize = 256;

/// `jumun dlt show`
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    selection: Selection,
    /// Print the event's bytes, and nothing else: to be repaired and replayed.
    #[arg(long, conflicts_with = "format")]
    value: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: OutputFormat,
    #[command(flatten)]
    settings: Settings,
}

impl Show {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if self.selection.filter().is_empty() {
            let message = "say which: by id (jumun dlt show r:0:17), or by --order, --reason, --action, --topic, --since";
            return Err(Failure::usage(message));
        }
        let log = kafka(&self.settings.configuration()?)?;
        let entries = self.selection.entries(log.as_ref())?;
        let mut out = standard();
        if self.value {
            let [entry] = entries.as_slice() else {
                let message = format!("--value prints one event, not {}", entries.len());
                return Err(Failure::usage(message));
            };
            let value = entry.original.value.as_deref().unwrap_or_default();
            return printed(out.write_all(value).and_then(|()| out.flush()));
        }
        if entries.is_empty() {
            return Err(Failure::work("no entry fulfils these conditions"));
        }
        let written = entries.iter().enumerate().try_for_each(|(place, entry)| {
            let advice = self.advice(entry);
            if self.format == OutputFormat::Json {
                return writeln!(out, "{}", Value::Object(whole_json(entry, &advice)));
            }
            if place > 0 {
                writeln!(out)?;
            }
            show(&mut out, entry, &advice)
        });
        printed(written.and_then(|()| out.flush()))
    }

    fn advice(&self, entry: &Entry) -> Advice {
        let mut advice = advice(entry);
        if let Some(topic) = self.selection.dlt_topic() {
            for command in &mut advice.commands {
                if let Some(rest) = command.strip_prefix("jumun dlt ") {
                    let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                    *command = format!("jumun dlt {verb} --dlt-topic {topic} {rest}");
                }
            }
        }
        advice
    }
}

fn show(out: &mut impl Write, entry: &Entry, advice: &Advice) -> io::Result<()> {
    writeln!(out, "{} {}", entry.id, entry.reason)?;
    let mut line = |name: &str, text: &str| {
        if text.is_empty() {
            return Ok(());
        }
        writeln!(out, "  {name:<11} {text}")
    };
    line("why", &entry.message)?;
    line("time", &time(entry.at))?;
    if entry.first_seen != entry.at {
        line("first seen", &time(entry.first_seen))?;
    }
    line("order", entry.order_no.as_deref().unwrap_or_default())?;
    line("event", &event(entry).unwrap_or_default())?;
    line(
        "event id",
        entry.facts.event_id.as_deref().unwrap_or_default(),
    )?;
    let origin = entry.origin.as_ref().map(ToString::to_string);
    line("read from", &origin.unwrap_or_default())?;
    line(
        "came from",
        entry.redrive_topic.as_deref().unwrap_or_default(),
    )?;
    line("redrives", &entry.redrive_count.to_string())?;
    if let Some(before) = &entry.before {
        line("status", &before.status)?;
        line("regions", &members(before.regions.as_ref()))?;
        line("versions", &members(before.versions.as_ref()))?;
        if let Some(parked) = before.parked_ms {
            line("parked", &format!("{parked} ms"))?;
        }
    }
    line("written by", entry.writer.name())?;
    let original = &entry.original;
    line("key", &shown(original.key.as_deref()))?;
    writeln!(out, "  headers")?;
    for (name, value) in &original.headers {
        writeln!(out, "    {name}: {}", shown(value.as_deref()))?;
    }
    writeln!(out, "  value")?;
    for text in pretty(original.value.as_deref()).lines() {
        writeln!(out, "    {text}")?;
    }
    writeln!(out, "  next: {}", advice.sentence)?;
    for command in &advice.commands {
        writeln!(out, "    {command}")?;
    }
    Ok(())
}

/// An object's members on one line.
fn members(value: Option<&Value>) -> String {
    let Some(Value::Object(members)) = value else {
        return String::new();
    };
    let member = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    members.iter().map(member).collect::<Vec<_>>().join(" ")
}

fn shown(bytes: Option<&[u8]>) -> String {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => "(null)".to_owned(),
        // A terminal is not to be told anything by a record.
        Some((_, Ok(text))) => text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}"),
        Some((bytes, Err(_))) => {
            let start = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
            let more = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
            format!("{} bytes: {}{more}", bytes.len(), hexadecimal(start))
        }
    }
}

/// JSON with its members on lines, in their own order; anything else as it is.
fn pretty(value: Option<&[u8]>) -> String {
    let is_json = |bytes: &&[u8]| serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    match value.filter(is_json).map(std::str::from_utf8) {
        Some(Ok(text)) => shown(Some(indented(text).as_bytes())),
        Some(Err(_)) | None => shown(value),
    }
}

/// Breaks sound JSON into lines; what it says is not touched.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(2 * json.len());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let break_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut characters = json.chars().filter(|c| !c.is_control()).peekable();
    while let Some(character) = characters.next() {
        if quoted {
            out.push(character);
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' => {}
            '{' | '[' => {
                out.push(character);
                while characters.next_if_eq(&' ').is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                quoted = character == '"';
                out.push(character);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_broken_into_lines_and_keeps_its_order_and_its_texts() {
        let json = r#"{"z":1, "a":{"text":"a {\"b\": [1,2]} \\", "none":{ }},"list":[1,[]]}"#;
        let expected = r#"{
  "z": 1,
  "a": {
    "text": "a {\"b\": [1,2]} \\",
    "none": {}
  },
  "list": [
    1,
    []
  ]
}"#;
        assert_eq!(pretty(Some(json.as_bytes())), expected);
        assert_eq!(pretty(Some(b"{\"broken\":")), "{\"broken\":");
    }
}
