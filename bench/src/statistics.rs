//! Middles and ratios.

use crate::round::Sample;

/// The middle of some numbers, or the mean of the two in the middle.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    Some(f64::midpoint(numbers[last / 2], numbers[last.div_ceil(2)]))
}

/// The middle of the ratios of runs to those of another engine in the same round: what the machine
/// did meanwhile has hit both. Rounds in which either has no result do not count.
pub(crate) fn median_ratio(
    ours: &[Option<Sample>],
    theirs: &[Option<Sample>],
    figure: impl Fn(&Sample) -> f64,
) -> Option<f64> {
    let both = ours.iter().zip(theirs);
    let ratios = both.filter_map(|(ours, theirs)| {
        let ratio = figure(ours.as_ref()?) / figure(theirs.as_ref()?);
        ratio.is_finite().then_some(ratio)
    });
    median(ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu: f64) -> Option<Sample> {
        Some(Sample {
            cpu,
            wall: 1.0,
            memory: 1,
            switches: 1,
            others: 0.0,
        })
    }

    #[test]
    fn the_middle_of_odd_and_even_counts() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median([4.0, 1.0, 9.0, 2.0]), Some(3.0));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let ours = [sample(2.0), sample(8.0), None, sample(3.0)];
        let theirs = [sample(1.0), sample(2.0), sample(1.0), sample(1.0)];
        assert_eq!(median_ratio(&ours, &theirs, |run| run.cpu), Some(3.0));
        assert_eq!(median_ratio(&ours, &[], |run| run.cpu), None);
        let none = [sample(0.0)];
        assert_eq!(median_ratio(&ours, &none, |run| run.cpu), None);
    }
}
