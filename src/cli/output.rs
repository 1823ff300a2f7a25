//! What commands print: to standard output, until it is done or nobody reads any more.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;

use super::Failure;
use crate::domain::time::write_rfc3339_kst;

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Standard output.
pub(super) fn standard() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// How printing ended: a reader that closed the pipe has seen what it wanted.
pub(super) fn printed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::work(format!("write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A time as the program's topics write it.
pub(super) fn time(epoch_ms: i64) -> String {
    let mut text = Vec::with_capacity(29);
    write_rfc3339_kst(&mut text, epoch_ms);
    String::from_utf8_lossy(&text).into_owned()
}

/// Rows under their headings, each column as wide as its widest cell; the last one is not padded.
pub(super) fn write_table(
    out: &mut impl Write,
    headings: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let width = |column: usize, heading: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(heading.chars().count())
    };
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| width(column, heading))
        .collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text += &format!("{cell:<width$}  ");
        }
        writeln!(out, "{}", text.trim_end())
    };
    line(&mut headings.iter().copied())?;
    for row in rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

/// Asks on a terminal; elsewhere nobody could answer, and the command was given on purpose.
pub(super) fn confirmed(question: &str) -> Result<bool, Failure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(true);
    }
    let mut error = io::stderr();
    let mut answer = String::new();
    write!(error, "{question} [y/N] ")
        .and_then(|()| error.flush())
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(Failure::work)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_with_text() {
        let mut out = Vec::new();
        let rows = [["a", "1"], ["bbbb", ""]].map(|row| row.map(str::to_owned).to_vec());
        write_table(&mut out, &["ID", "NOTE"], &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "ID    NOTE\na     1\nbbbb\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert!(printed(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(printed(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
