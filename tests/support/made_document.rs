//! Documents that are made of the program's own lists.

use std::fs;
use std::path::Path;

/// Set it to write the documents anew.
pub const WRITE: &str = "JUMUN_TEST_WRITE_DOCS";

/// Fails unless the document is this, or writes it.
pub fn compare(name: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not what the lists say; write it anew with {WRITE}=1:\n{expected}",
        file.display()
    );
}
