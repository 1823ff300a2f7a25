//! Bytes of a persistent format as a version of the program wrote them, pinned by a file that is checked in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The values of a fixture: one a line, `name = hex`; lines that begin with `#` are for people.
#[derive(Debug)]
pub struct Pinned {
    path: PathBuf,
    values: BTreeMap<String, Vec<u8>>,
}

impl Pinned {
    /// Reads the fixture `file` of the package whose manifest directory is `package`.
    ///
    /// # Panics
    /// When it cannot be read: a test without its fixture proves nothing.
    #[must_use]
    #[expect(clippy::panic, reason = "tests only")]
    pub fn load(package: &str, file: &str) -> Self {
        let path = Path::new(package).join("tests/fixtures").join(file);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once(" = "));
        let values = pairs.map(|(name, hex)| (name.to_owned(), bytes(hex)));
        Self {
            values: values.collect(),
            path,
        }
    }

    /// The bytes of a value.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    #[expect(clippy::panic, reason = "tests only")]
    pub fn bytes(&self, name: &str) -> &[u8] {
        let value = self.values.get(name);
        value.unwrap_or_else(|| panic!("{} has no {name}", self.path.display()))
    }

    /// All values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The program writes exactly these bytes.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_written(&self, name: &str, written: &[u8]) {
        let pinned = self.values.get(name).map(Vec::as_slice);
        assert!(
            pinned == Some(written),
            "{name} is not written as {} has it. Raise the version of the format (docs/formats.md), keep the old fixture \
             and its reading, and add one of the new version.\n  pinned  {}\n  written {}",
            self.path.display(),
            pinned.map_or_else(|| "nothing".to_owned(), hex),
            hex(written),
        );
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair));
    pairs
        .filter_map(|pair| u8::from_str_radix(pair.ok()?, 16).ok())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
