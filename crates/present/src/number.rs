//! Numbers as people read them: grouped, rounded honestly, with their unit.

use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, Measure, MetricKind};

/// A whole number with its thousands grouped: `12,040`.
pub(crate) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
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
