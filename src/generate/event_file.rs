//! Files of events: one envelope a line, compressed where the name says so.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::event::GeneratedEvent;

/// Writes events into a file that `replay` can read.
#[derive(Debug)]
pub struct EventFileWriter {
    output: Output,
    lines: u64,
}

#[derive(Debug)]
enum Output {
    Plain(BufWriter<File>),
    Compressed(GzEncoder<BufWriter<File>>),
}

impl EventFileWriter {
    /// Creates or replaces a file; a name that ends in `.gz` makes it a gzip file.
    ///
    /// # Errors
    /// Those of creating the file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let output = if path.extension().is_some_and(|extension| extension == "gz") {
            Output::Compressed(GzEncoder::new(file, Compression::fast()))
        } else {
            Output::Plain(file)
        };
        Ok(Self { output, lines: 0 })
    }

    /// Appends the value of an event as a line.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&mut self, event: &GeneratedEvent) -> io::Result<()> {
        self.lines += 1;
        match &mut self.output {
            Output::Plain(file) => {
                file.write_all(&event.value)?;
                file.write_all(b"\n")
            }
            Output::Compressed(file) => {
                file.write_all(&event.value)?;
                file.write_all(b"\n")
            }
        }
    }

    /// Lines written so far.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Completes the file. Without it the last lines are lost.
    ///
    /// # Errors
    /// Those of writing what was still buffered.
    pub fn finish(self) -> io::Result<()> {
        match self.output {
            Output::Plain(mut file) => file.flush(),
            Output::Compressed(file) => file.finish()?.flush(),
        }
    }
}
