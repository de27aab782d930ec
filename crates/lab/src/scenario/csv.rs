//! Recorded series: `timestamp,value` rows laid over a scenario's steps.
//!
//! The first row falls on the first instant of the scenario's history; the distances between rows are kept. A series
//! shorter than the history starts over after a whole number of days, so that its days stay where they are.

use chrono::{DateTime, NaiveDateTime};

use crate::time::DAY_MS;

/// Spellings of a timestamp without a zone, read as UTC.
const SPELLINGS: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M"];

/// One recorded value: milliseconds since the first row, and the value.
pub(super) type Row = (i64, f64);

/// What a step makes of the rows it overlaps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Resample {
    /// Rows are amounts per interval of the file: a step gets its part of each.
    Sum,
    /// Rows are levels: a step gets their mean.
    Mean,
}

/// Parses a file; the error says what is wrong in which line.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || (rows.is_empty() && line.starts_with("timestamp")) {
            continue;
        }
        let number = at + 1;
        let (stamp, value) = line.split_once(',').ok_or_else(|| format!("line {number} is not `timestamp,value`"))?;
        let at_ms = instant(stamp).ok_or_else(|| format!("line {number}: {stamp:?} is not a timestamp"))?;
        let value: f64 = value.trim().parse().map_err(|_| format!("line {number}: {value:?} is not a number"))?;
        if !value.is_finite() {
            return Err(format!("line {number}: the value is not finite"));
        }
        rows.push((at_ms, value));
    }
    rows.sort_by_key(|row| row.0);
    rows.dedup_by_key(|row| row.0);
    let first = rows.first().ok_or("it has no rows; it needs a header `timestamp,value` and rows")?.0;
    Ok(rows.into_iter().map(|(at, value)| (at - first, value)).collect())
}

fn instant(text: &str) -> Option<i64> {
    let text = text.trim().trim_matches('"');
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    SPELLINGS
        .iter()
        .find_map(|spelling| NaiveDateTime::parse_from_str(text, spelling).ok())
        .map(|at| at.and_utc().timestamp_millis())
}

/// The middle distance between rows.
fn interval(rows: &[Row]) -> i64 {
    let mut gaps: Vec<i64> = rows.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(DAY_MS).max(1)
}

/// One value per step. A row covers the time from itself for one interval of the file; a step that no row covers
/// repeats the step before it.
pub(super) fn resample(rows: &[Row], step_ms: i64, steps: usize, how: Resample) -> Vec<f64> {
    let interval = interval(rows);
    let length = rows.last().map_or(0, |row| row.0) + interval;
    let period = (length / DAY_MS * DAY_MS).max(if length < DAY_MS { length } else { DAY_MS });
    let mut values: Vec<f64> = Vec::with_capacity(steps);
    for step in 0..steps as i64 {
        let at = if step * step_ms < length { step * step_ms } else { (step * step_ms) % period };
        let last = values.last().copied().unwrap_or(rows[0].1);
        values.push(cover(rows, interval, at, at + step_ms).map_or(last, |(weighted, covered)| {
            let mean = weighted / covered as f64;
            if how == Resample::Mean { mean } else { mean * step_ms as f64 / interval as f64 }
        }));
    }
    values
}

/// Sum of value × overlap and of overlap over the rows that reach into `[from, to)`.
fn cover(rows: &[Row], interval: i64, from: i64, to: i64) -> Option<(f64, i64)> {
    let first = rows.partition_point(|row| row.0 + interval <= from);
    let mut sum = (0.0, 0);
    for (at, value) in rows[first..].iter().take_while(|row| row.0 < to) {
        let overlap = (at + interval).min(to) - (*at).max(from);
        sum = (sum.0 + value * overlap as f64, sum.1 + overlap);
    }
    (sum.1 > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_distances_and_say_what_is_wrong() {
        let text = "timestamp,value\n2014-04-01 00:00:00,1.5\n2014-04-01 00:30:00,2\n";
        assert_eq!(rows(text).unwrap(), [(0, 1.5), (1_800_000, 2.0)]);
        for (text, part) in [
            ("timestamp,value\n", "no rows"),
            ("timestamp,value\nyesterday,2\n", "line 2: \"yesterday\" is not a timestamp"),
            ("2014-04-01 00:00:00,x\n", "line 1: \"x\" is not a number"),
            ("2014-04-01 00:00:00\n", "line 1 is not `timestamp,value`"),
        ] {
            let error = rows(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn amounts_are_conserved_and_levels_are_kept() {
        let rows = [(0, 30.0), (1_800_000, 60.0)];
        assert_eq!(resample(&rows, 600_000, 6, Resample::Sum), [10.0, 10.0, 10.0, 20.0, 20.0, 20.0]);
        assert_eq!(resample(&rows, 600_000, 4, Resample::Mean), [30.0, 30.0, 30.0, 60.0]);
        assert_eq!(resample(&rows, 3_600_000, 2, Resample::Sum), [90.0, 90.0], "a short series starts over");
    }
}
