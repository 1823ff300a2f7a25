//! With how many partitions the state in a directory was built: a key's partition depends on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::Error;

const FILE: &str = "partitions.json";

/// Partitions of the task that holds each store, by the store's name, as they were when the directory was last used.
///
/// # Errors
/// Fatal when the file is there and cannot be read.
pub(super) fn read(root: &Path) -> Result<BTreeMap<String, i32>, Error> {
    let path = root.join(FILE);
    let failed = |error: &dyn std::fmt::Display| {
        let detail = format!(
            "{}: {error}; if the partition counts of the inputs never changed, remove the file",
            path.display()
        );
        Error::fatal("read the state directory", detail)
    };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(&error)),
    };
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

/// Writes it anew, wholly or not at all.
///
/// # Errors
/// Fatal when the directory cannot be written.
pub(super) fn write(root: &Path, partitions: &BTreeMap<String, i32>) -> Result<(), Error> {
    let path = root.join(FILE);
    let new = root.join(format!("{FILE}.new"));
    let written = || -> std::io::Result<()> {
        let mut file = fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec(partitions)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)
    };
    written().map_err(|error| {
        let detail = format!("{}: {error}; make it writable", path.display());
        Error::fatal("write the state directory", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_broken_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path()).unwrap(), BTreeMap::new());
        for count in [4, 8] {
            let counts = BTreeMap::from([("orders".to_owned(), count)]);
            write(root.path(), &counts).unwrap();
            assert_eq!(read(root.path()).unwrap(), counts);
        }
        fs::write(root.path().join(FILE), "{\"orders\":").unwrap();
        let refused = read(root.path()).unwrap_err().to_string();
        assert!(refused.contains("partitions.json"), "{refused}");
    }
}
