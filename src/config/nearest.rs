//! What was probably meant by a name that is not known.

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
