//! Texts of records, which are as long as their topics let them be; the page is not.

/// Longer texts are cut.
pub(super) const TEXT_CHARS: usize = 200;

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS).collect()
}
