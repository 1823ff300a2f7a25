//! Figures of several runs made one.

/// The value in the middle, or the mean of the two in the middle; none of nothing. One slow run, such as one that met
/// the broker's own housekeeping, does not move it.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = values.get(middle - 1).copied()?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_there_is_no_median() {
        assert_eq!(median([]), None);
    }

    #[test]
    fn an_odd_number_of_values_has_one_in_the_middle() {
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([5.0]), Some(5.0));
    }

    #[test]
    fn an_even_number_of_values_has_two_in_the_middle() {
        assert_eq!(median([4.0, 1.0, 100.0, 3.0]), Some(3.5));
    }
}
