//! The chart in words, for who cannot see it.

use crate::{Chart, number};

/// More changes than this are not read out.
const MARKS_MAX: usize = 3;

/// What the picture shows: the span, the newest value with its comparison, since when it is off, what is unknown, the changes.
pub fn chart_alt(chart: &Chart) -> String {
    let mut parts = vec![format!("{}, {} to {}", chart.title, chart.start_label, chart.end_label)];
    parts.extend(newest(chart));
    parts.push(outside(chart));
    if !chart.gaps.is_empty() {
        let times = number::counted(chart.gaps.len() as u64, "stretch").replace("stretchs", "stretches");
        parts.push(format!("{times} without numbers, unknown"));
    }
    let names: Vec<&str> = chart.marks.iter().take(MARKS_MAX).map(|mark| mark.label.as_str()).collect();
    if !names.is_empty() {
        let more = chart.marks.len().saturating_sub(MARKS_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        parts.push(format!("changes: {}{more}", names.join(", ")));
    }
    format!("Chart: {}.", parts.join("; "))
}

fn newest(chart: &Chart) -> Option<String> {
    let point = chart.points.last()?;
    let value = number::value(chart.kind, point.value);
    let expected = number::expected(chart.kind, point.expected);
    Some(format!("newest {value} where {expected} expected ({})", number::range(chart.kind, point.low, point.high)))
}

fn outside(chart: &Chart) -> String {
    match chart.points.iter().filter(|point| Chart::is_outside(point)).count() {
        0 => "all inside the expected band".to_owned(),
        count => format!("{count} of {} points outside the expected band", chart.points.len()),
    }
}
