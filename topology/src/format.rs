//! Versions of persistent formats: what is said of bytes that this program does not read.
//!
//! The formats, their versions and the rule are in `docs/formats.md`.

/// Why bytes of format `found` are not read by a program that reads `oldest` to `newest`, and the fix.
pub(crate) fn refusal(what: &str, found: u32, oldest: u32, newest: u32) -> String {
    let reads = match oldest == newest {
        true => format!("format {newest}"),
        false => format!("formats {oldest} to {newest}"),
    };
    let fix = if found > newest {
        "it was written by a newer program: run that one again"
    } else {
        "it was written by an older program: run one first that reads both"
    };
    format!(
        "{what} has format {found}, and this program reads {reads}; {fix}, or reset the application, which builds its \
         state anew"
    )
}
