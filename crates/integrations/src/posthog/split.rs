//! Did the users who have a flag change, and the others not? Four counts in one query.

use serde::Deserialize;
use serde_json::json;
use wakeman_types::Timestamp;

use super::{
    client::{Purpose, Wire, with_remedy},
    hogql::{instant, quoted},
};
use crate::http::Failure;

#[derive(Debug, Deserialize)]
struct Counts {
    results: Vec<(f64, f64, f64, f64)>,
}

/// `(exposed_before, exposed_after, other_before, other_after)`.
pub(super) async fn flag_split(
    wire: &Wire,
    event: &str,
    flag: &str,
    onset: Timestamp,
    window_ms: i64,
) -> Result<[f64; 4], Failure> {
    let query = json!({"kind": "HogQLQuery", "query": split_sql(event, flag, onset, window_ms)});
    let counts: Counts = wire.query("flag split", query, Purpose::Watch).await?;
    match counts.results.as_slice() {
        [row] => apart(*row),
        rows => Err(with_remedy(Failure::Shape { reason: format!("flag split: {} rows instead of one", rows.len()) })),
    }
}

/// The counts of those who have the flag, and of the others.
fn apart((exposed_before, exposed_after, all_before, all_after): (f64, f64, f64, f64)) -> Result<[f64; 4], Failure> {
    let counts = [exposed_before, exposed_after, all_before - exposed_before, all_after - exposed_after];
    if counts.iter().all(|count| count.is_finite() && *count >= 0.0) {
        return Ok(counts);
    }
    Err(Failure::Shape { reason: "flag split: fewer events in all than of those who have the flag".to_owned() })
}

/// Whoever got any value but `false` has the flag; events without a value belong to the others.
fn split_sql(event: &str, flag: &str, onset: Timestamp, window_ms: i64) -> String {
    let value = format!("properties[{}]", quoted(&format!("$feature/{flag}")));
    let exposed = format!("{value} IS NOT NULL AND {value} != 'false' AND {value} != ''");
    let turn = instant(onset);
    format!(
        "SELECT countIf({exposed} AND timestamp < {turn}) AS exposed_before, countIf({exposed} AND timestamp >= {turn}) AS exposed_after, \
         countIf(timestamp < {turn}) AS all_before, countIf(timestamp >= {turn}) AS all_after \
         FROM events WHERE event = {} AND timestamp >= {} AND timestamp < {}",
        quoted(event),
        instant(onset.plus_ms(-window_ms)),
        instant(onset.plus_ms(window_ms)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_cannot_be_are_no_split() {
        assert_eq!(apart((3.0, 1.0, 10.0, 1.0)), Ok([3.0, 1.0, 7.0, 0.0]));
        for row in [(3.0, 1.0, 2.0, 9.0), (3.0, 4.0, 9.0, 3.0), (-1.0, 0.0, 0.0, 0.0), (0.0, f64::NAN, 1.0, 1.0)] {
            assert!(matches!(apart(row), Err(Failure::Shape { .. })), "{row:?}");
        }
    }

    #[test]
    fn a_flag_with_a_strange_name_stays_inside_its_literal() {
        let sql = split_sql("signed_up", "it's", Timestamp::from_secs(1_767_600_000), 3_600_000);
        assert!(sql.contains("properties['$feature/it''s'] IS NOT NULL"), "{sql}");
        assert!(sql.ends_with(
            "timestamp >= toDateTime('2026-01-05T07:00:00Z') AND timestamp < toDateTime('2026-01-05T09:00:00Z')"
        ));
    }
}
