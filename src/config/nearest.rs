//! What was probably meant by a name that is not known.

/// A question whether that was meant, to be put behind an error; nothing where no candidate is like it.
pub(super) fn hint(name: &str, names: impl Iterator<Item = &'static str>) -> String {
    nearest(name, names)
        .map(|found| format!("; did you mean {found}?"))
        .unwrap_or_default()
}

/// The candidate most like `name`, if any is at all.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |candidate: &&str| strsim::damerau_levenshtein(name, candidate);
    let limit = (name.chars().count() / 3).max(2);
    candidates
        .min_by_key(distance)
        .filter(|candidate| distance(candidate) <= limit)
}
