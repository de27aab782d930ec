//! Numbers as people read them: grouped, rounded honestly, with their unit.

use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, Measure, MetricKind};

/// A whole number with its thousands grouped: `12,040`.
pub(crate) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `number` with `decimals` places, a trailing `.0…` dropped, thousands grouped.
fn decimal(number: f64, decimals: usize) -> String {
    if !number.is_finite() {
        return "unknown".to_owned();
    }
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let grouped = whole.parse().map_or_else(|_| whole.to_owned(), group);
    let body = if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") };
    if number < 0.0 && body != "0" { format!("-{body}") } else { body }
}

/// A number of events: whole from ten on, one place below, so that an expectation of 0.4 is not called 0.
fn count(number: f64) -> String {
    decimal(number, usize::from(number.abs() < 10.0))
}

/// A share as a bare percent number: one place, two below one percent.
fn share(number: f64) -> String {
    let percent = number * 100.0;
    decimal(percent, if percent.abs() < 1.0 { 2 } else { 1 })
}

/// Scale and unit in which a duration of `ms` is told.
fn duration_unit(ms: f64) -> (f64, &'static str) {
    match ms.abs() {
        size if size < 1_000.0 => (1.0, "ms"),
        size if size < 120_000.0 => (1_000.0, "s"),
        _ => (60_000.0, "min"),
    }
}

/// A duration in the given unit: three figures are enough.
fn scaled(ms: f64, scale: f64) -> String {
    let number = ms / scale;
    decimal(number, usize::from(number.abs() < 10.0))
}

/// One value of a metric with its unit: `41`, `3.2 %`, `1.4 s`.
pub(crate) fn value(kind: MetricKind, number: f64) -> String {
    if !number.is_finite() {
        return "unknown".to_owned();
    }
    match kind {
        MetricKind::Count => count(number),
        MetricKind::Ratio => format!("{} %", share(number)),
        MetricKind::Duration => {
            let (scale, unit) = duration_unit(number);
            format!("{} {unit}", scaled(number, scale))
        }
    }
}

/// The expected band with its unit once: `80–112`, `4.1–5.1 %`, `1.1–1.5 s`.
pub(crate) fn range(kind: MetricKind, low: f64, high: f64) -> String {
    if !(low.is_finite() && high.is_finite()) {
        return "unknown".to_owned();
    }
    match kind {
        MetricKind::Count => format!("{}–{}", count(low), count(high)),
        MetricKind::Ratio => format!("{}–{} %", share(low), share(high)),
        MetricKind::Duration => {
            let (scale, unit) = duration_unit(high);
            format!("{}–{} {unit}", scaled(low, scale), scaled(high, scale))
        }
    }
}

/// `96 were` or `1.3 s was`: what was expected, with its verb.
pub(crate) fn expected(kind: MetricKind, number: f64) -> String {
    let text = value(kind, number);
    let verb = if kind == MetricKind::Count && text != "1" { "were" } else { "was" };
    format!("{text} {verb}")
}

/// How far a measure is off, `62 %`; `None` when nothing was expected or the numbers are no numbers.
///
/// Never rounded up to 100 % below: only a value of exactly zero is "all of it", and that is worded otherwise.
pub(crate) fn deviation(measure: &Measure) -> Option<String> {
    let percent = measure.relative().filter(|relative| relative.is_finite())?.abs() * 100.0;
    let whole = percent.round();
    Some(if percent < 1.0 {
        "<1 %".to_owned()
    } else if whole >= 100.0 && measure.observed > 0.0 && measure.observed < measure.expected {
        "99 %".to_owned()
    } else {
        format!("{} %", decimal(whole, 0))
    })
}

/// A probability in whole percent that never claims certainty: `87 %`, `<1 %`, at most `99 %`.
pub fn probability(p: f64) -> String {
    if !p.is_finite() {
        return "unknown".to_owned();
    }
    let percent = (p * 100.0).round();
    if percent < 1.0 { "<1 %".to_owned() } else { format!("{} %", percent.min(99.0)) }
}

/// How rare something is by chance alone: `1 in 40,000`, at most `1 in 1,000,000`.
pub(crate) fn one_in(p_value: f64) -> String {
    const RAREST: f64 = 1_000_000.0;
    if !(0.0..=1.0).contains(&p_value) {
        return "unknown".to_owned();
    }
    let times = 1.0 / p_value;
    if times >= RAREST {
        return format!("less than 1 in {}", group(RAREST as u64));
    }
    // Two figures: the detector's tail is not known better than that.
    let scale = 10_f64.powf((times.log10().floor() - 1.0).max(0.0));
    format!("1 in {}", decimal((times / scale).round() * scale, 0))
}

/// A length of time, rounded down to what matters: `40 s`, `25 min`, `1 h 10 min`, `26 h`, `2 days`. Negative counts as zero.
pub fn span(ms: i64) -> String {
    let ms = ms.max(0);
    let (hours, minutes) = (ms / HOUR_MS, ms % HOUR_MS / MINUTE_MS);
    match ms {
        _ if ms < MINUTE_MS => format!("{} s", ms / 1000),
        _ if ms < HOUR_MS => format!("{minutes} min"),
        _ if hours < 10 && minutes > 0 => format!("{hours} h {minutes} min"),
        _ if hours < 48 => format!("{hours} h"),
        _ => format!("{} days", group((ms / DAY_MS).unsigned_abs())),
    }
}

/// `1 metric`, `14 metrics`: a counted noun.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", group(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wakeman_types::{Direction, Trend};

    use super::*;

    #[test]
    fn values_carry_their_unit_and_no_false_precision() {
        use MetricKind::{Count, Duration, Ratio};
        let table = [
            (Count, 41.0, "41"),
            (Count, 0.4, "0.4"),
            (Count, 12_040.4, "12,040"),
            (Count, 0.0, "0"),
            (Ratio, 0.0324, "3.2 %"),
            (Ratio, 0.978, "97.8 %"),
            (Ratio, 0.5, "50 %"),
            (Ratio, 0.0042, "0.42 %"),
            (Duration, 840.0, "840 ms"),
            (Duration, 1_340.0, "1.3 s"),
            (Duration, 14_900.0, "15 s"),
            (Duration, 150_000.0, "2.5 min"),
            (Count, f64::NAN, "unknown"),
            (Duration, f64::INFINITY, "unknown"),
        ];
        for (kind, number, want) in table {
            assert_eq!(value(kind, number), want, "{kind:?} {number}");
        }
    }

    #[test]
    fn a_range_names_its_unit_once() {
        assert_eq!(range(MetricKind::Count, 80.0, 1_112.0), "80–1,112");
        assert_eq!(range(MetricKind::Ratio, 0.041, 0.051), "4.1–5.1 %");
        assert_eq!(range(MetricKind::Duration, 900.0, 1_500.0), "0.9–1.5 s");
    }

    #[test]
    fn probabilities_never_claim_certainty() {
        let table = [(0.87, "87 %"), (1.0, "99 %"), (0.996, "99 %"), (0.0, "<1 %"), (0.004, "<1 %"), (0.006, "1 %")];
        for (p, want) in table {
            assert_eq!(probability(p), want, "{p}");
        }
    }

    #[test]
    fn a_deviation_is_complete_only_at_zero() {
        let measure = |observed, expected| Measure {
            observed,
            expected,
            low: 80.0,
            high: 112.0,
            window_ms: 0,
            p_value: 0.0,
            direction: Direction::Down,
            trend: Trend::Steady,
        };
        let table = [
            (38.0, 100.0, Some("62 %")),
            (1.0, 400.0, Some("99 %")),
            (0.0, 400.0, Some("100 %")),
            (99.9, 100.0, Some("<1 %")),
            (1_300.0, 100.0, Some("1,200 %")),
            (5.0, 0.0, None),
            (f64::NAN, 10.0, None),
        ];
        for (observed, expected, want) in table {
            assert_eq!(deviation(&measure(observed, expected)).as_deref(), want, "{observed} of {expected}");
        }
    }

    #[test]
    fn spans_of_time_are_rounded_down_to_what_matters() {
        let table = [
            (-5, "0 s"),
            (40_000, "40 s"),
            (25 * MINUTE_MS + 59_000, "25 min"),
            (70 * MINUTE_MS, "1 h 10 min"),
            (2 * HOUR_MS, "2 h"),
            (26 * HOUR_MS + MINUTE_MS, "26 h"),
            (50 * HOUR_MS, "2 days"),
            (4_000 * DAY_MS, "4,000 days"),
        ];
        for (ms, want) in table {
            assert_eq!(span(ms), want, "{ms}");
        }
    }

    #[test]
    fn chances_are_told_as_one_in() {
        let table = [
            (2.5e-5, "1 in 40,000"),
            (0.03, "1 in 33"),
            (0.5, "1 in 2"),
            (0.0, "less than 1 in 1,000,000"),
            (2.0, "unknown"),
            (f64::NAN, "unknown"),
        ];
        for (p, want) in table {
            assert_eq!(one_in(p), want, "{p}");
        }
    }

    proptest! {
        #[test]
        fn any_number_has_words(bits in any::<u64>(), other in any::<i64>()) {
            let number = f64::from_bits(bits);
            for kind in [MetricKind::Count, MetricKind::Ratio, MetricKind::Duration] {
                prop_assert!(!value(kind, number).is_empty());
                prop_assert!(!range(kind, number, -number).is_empty());
            }
            prop_assert!(!span(other).contains('-'));
            prop_assert_eq!(group(bits).replace(',', ""), bits.to_string());
            let p = probability(number);
            prop_assert!(p != "100 %" && p != "0 %");
            one_in(number);
        }
    }
}
