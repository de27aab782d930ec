//! What can be watched, how it is rewritten, and what is said of the rest.

use proptest::prelude::*;
use wakeman_types::{MetricKind, Timestamp};

use super::*;

const FROM: Timestamp = Timestamp::from_secs(1_767_600_000);
const STEP_MS: i64 = 300_000;

fn select(query: &str, kind: MetricKind) -> String {
    let part = rewrite(query, kind).unwrap_or_else(|words| panic!("{query}: {words}"));
    part.select("#0", FROM, None, STEP_MS)
}

/// Value, weight and filters of the rewritten query.
fn pieces(query: &str, kind: MetricKind) -> (String, String, String) {
    let sql = select(query, kind);
    let between = |start: &str, end: &str| {
        let rest = sql.split_once(start).unwrap_or_else(|| panic!("{sql}")).1;
        rest.split_once(end).unwrap_or_else(|| panic!("{sql}")).0.to_owned()
    };
    let strip =
        |text: String| text.strip_prefix("toFloat(").and_then(|t| t.strip_suffix(')')).map(str::to_owned).unwrap();
    let where_clause = between(" WHERE ", " GROUP BY bucket");
    let filters = where_clause.rsplit_once("timestamp >= ").unwrap().0.trim_end_matches(" AND ").to_owned();
    (strip(between(" AS bucket, ", " AS value")), strip(between(" AS value, ", " AS weight")), filters)
}

#[test]
fn a_count_is_asked_bucket_by_bucket() {
    let query = "SELECT count() FROM events WHERE event = 'signed_up' AND timestamp > now() - INTERVAL 1 HOUR";
    insta::assert_snapshot!(select(query, MetricKind::Count), @"SELECT '#0' AS metric, toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE)) AS bucket, toFloat(count()) AS value, toFloat(0) AS weight, toUnixTimestamp(now()) AS server_now FROM events WHERE event = 'signed_up' AND timestamp >= toDateTime('2026-01-05T08:00:00Z') GROUP BY bucket");
}

#[test]
fn the_end_of_a_page_is_exclusive() {
    let part = rewrite("SELECT count() FROM events WHERE event = 'x'", MetricKind::Count).unwrap();
    let sql = part.select("#0", FROM, Some(FROM.plus_ms(STEP_MS)), STEP_MS);
    assert!(sql.contains(
        "timestamp >= toDateTime('2026-01-05T08:00:00Z') AND timestamp < toDateTime('2026-01-05T08:05:00Z') GROUP"
    ));
}

#[test]
fn what_is_measured_is_split_by_kind() {
    use MetricKind::{Count, Duration, Ratio};
    let window = "timestamp > now() - INTERVAL 1 HOUR";
    let table: &[(&str, MetricKind, &str, &str)] = &[
        ("count()", Count, "count()", "0"),
        ("uniq(person_id)", Count, "uniq(person_id)", "0"),
        ("count(DISTINCT person_id)", Count, "count(DISTINCT person_id)", "0"),
        ("sum(properties.amount) AS total", Count, "sum(properties.amount)", "0"),
        (
            "countIf(event = 'b') / countIf(event = 'a')",
            Ratio,
            "countIf(event = 'b') / countIf(event = 'a')",
            "countIf(event = 'a')",
        ),
        ("countIf(event = 'b') / count()", Ratio, "countIf(event = 'b') / count()", "count()"),
        (
            "round(countIf(event = 'b') * 100 / nullIf(count(), 0), 2)",
            Ratio,
            "countIf(event = 'b') / count()",
            "count()",
        ),
        ("100.0 * countIf(event = 'b') / count()", Ratio, "countIf(event = 'b') / count()", "count()"),
        ("(countIf(event = 'b') / count()) * 100", Ratio, "countIf(event = 'b') / count()", "count()"),
        ("divide(countIf(event = 'b'), count())", Ratio, "countIf(event = 'b') / count()", "count()"),
        ("if(count() = 0, 0, countIf(event = 'b') / count())", Ratio, "countIf(event = 'b') / count()", "count()"),
        ("ifNull(countIf(event = 'b') / count(), 0)", Ratio, "countIf(event = 'b') / count()", "count()"),
        (
            "countIf(event = 'b') / (countIf(event = 'a') + countIf(event = 'b'))",
            Ratio,
            "countIf(event = 'b') / (countIf(event = 'a') + countIf(event = 'b'))",
            "countIf(event = 'a') + countIf(event = 'b')",
        ),
        ("avg(event = 'b')", Ratio, "avg(event = 'b')", "count()"),
        ("avgIf(properties.ok, event = 'b')", Ratio, "avgIf(properties.ok, event = 'b')", "countIf(event = 'b')"),
        ("avg(properties.duration_ms)", Duration, "avg(properties.duration_ms)", "count()"),
        ("quantile(0.95)(properties.duration_ms)", Duration, "quantile(0.95)(properties.duration_ms)", "count()"),
        (
            "quantileIf(0.95)(properties.$load_ms, event = 'page')",
            Duration,
            "quantileIf(0.95)(properties.$load_ms, event = 'page')",
            "countIf(event = 'page')",
        ),
        ("avg(properties.seconds) * 1000", Duration, "avg(properties.seconds) * 1000", "count()"),
        ("median(properties['load ms'])", Duration, "median(properties['load ms'])", "count()"),
    ];
    for (expression, kind, value, weight) in table {
        let query = format!("SELECT {expression} FROM events WHERE event IN ('a', 'b') AND {window}");
        let got = pieces(&query, *kind);
        assert_eq!(got, ((*value).to_owned(), (*weight).to_owned(), "event IN ('a', 'b')".to_owned()), "{expression}");
    }
}

#[test]
fn only_the_moving_bounds_of_time_go() {
    let table = [
        ("event = 'x' AND timestamp > now() - INTERVAL 1 HOUR", "event = 'x'"),
        ("timestamp >= now() - toIntervalHour(1) AND event = 'x'", "event = 'x'"),
        ("now() - INTERVAL 30 MINUTE < timestamp AND (event = 'x' AND timestamp <= now())", "event = 'x'"),
        ("event = 'x' AND timestamp BETWEEN now() - INTERVAL 2 HOUR AND now()", "event = 'x'"),
        ("event = 'x' AND (timestamp > subtractHours(now(), 1))", "event = 'x'"),
        ("timestamp > now() - INTERVAL 1 DAY", ""),
        (
            "event = 'x' AND toHour(timestamp) >= 9 AND timestamp > now() - INTERVAL 1 HOUR",
            "event = 'x' AND toHour(timestamp) >= 9",
        ),
        (
            "event = 'x' AND timestamp >= '2026-01-01' AND timestamp > now() - INTERVAL 1 HOUR",
            "event = 'x' AND timestamp >= '2026-01-01'",
        ),
        ("(event = 'x' OR event = 'y') AND timestamp > now() - INTERVAL 1 HOUR", "(event = 'x' OR event = 'y')"),
        ("event = 'x' OR event = 'y'", "(event = 'x' OR event = 'y')"),
        (
            "properties.$browser = 'Chrome' AND properties['$feature/a b'] = 'true'",
            "properties.$browser = 'Chrome' AND properties['$feature/a b'] = 'true'",
        ),
        (r"event = 'it\'s' AND properties.path LIKE '%\\%'", r"event = 'it\'s' AND properties.path LIKE '%\\%'"),
        ("event = 'it''s'", "event = 'it''s'"),
        ("event = 'x' -- a remark\n AND properties.a = 1 /* another */", "event = 'x' AND properties.a = 1"),
    ];
    for (condition, want) in table {
        let query = format!("SELECT count() FROM events WHERE {condition}");
        assert_eq!(pieces(&query, MetricKind::Count).2, want, "{condition}");
    }
}

#[test]
fn a_table_alias_is_kept() {
    let sql = select(
        "SELECT count() FROM events AS e WHERE e.event = 'x' AND e.timestamp > now() - INTERVAL 1 HOUR",
        MetricKind::Count,
    );
    assert!(sql.contains("toStartOfInterval(e.timestamp, INTERVAL 5 MINUTE)"), "{sql}");
    assert!(sql.contains("FROM events AS e WHERE e.event = 'x' AND e.timestamp >= toDateTime("), "{sql}");
}

#[test]
fn what_cannot_be_watched_says_why() {
    let table = [
        ("SELECT count() FROM events WHERE {filters}", "placeholders"),
        ("SELECT count( FROM events", "not a query that can be read"),
        ("", "exactly one SELECT"),
        ("SELECT count() FROM events; DROP TABLE events", "exactly one SELECT"),
        ("DELETE FROM events", "exactly one SELECT"),
        ("SELECT count() FROM events UNION ALL SELECT count() FROM events", "without UNION"),
        ("WITH x AS (SELECT 1) SELECT count() FROM events", "WITH cannot be watched"),
        ("SELECT count() FROM events GROUP BY event", "GROUP BY cannot be watched"),
        ("SELECT count() FROM events HAVING count() > 1", "HAVING cannot be watched"),
        ("SELECT DISTINCT count() FROM events", "DISTINCT cannot be watched"),
        ("SELECT count() FROM events ORDER BY 1", "ORDER BY cannot be watched"),
        ("SELECT count() FROM events SETTINGS max_threads = 1", "SETTINGS cannot be watched"),
        ("SELECT count(), uniq(person_id) FROM events", "exactly one number"),
        ("SELECT * FROM events", "exactly one number"),
        ("SELECT event FROM events", "`event` is not an aggregate"),
        ("SELECT count() FROM persons", "only `FROM events`"),
        ("SELECT count() FROM events SAMPLE 0.1", "only `FROM events`"),
        ("SELECT count() FROM events JOIN persons ON 1 = 1", "only `FROM events`"),
        ("SELECT count() FROM (SELECT * FROM events)", "only `FROM events`"),
        ("SELECT countIf(timestamp > now() - INTERVAL 1 HOUR) FROM events", "compares times"),
        ("SELECT count() / (SELECT count() FROM events) FROM events", "inside the SELECT"),
        ("SELECT count() FROM events WHERE person_id IN (SELECT person_id FROM events)", "the query inside"),
        ("SELECT count() FROM events WHERE toDate(timestamp) = today()", "moves with the clock"),
        ("SELECT count() FROM events WHERE event = 'x' OR timestamp > now() - INTERVAL 1 HOUR", "moves with the clock"),
    ];
    for (query, words) in table {
        match rewrite(query, MetricKind::Count) {
            Err(said) => assert!(said.contains(words), "{query}: {said}"),
            Ok(part) => panic!("{query} was accepted: {part:?}"),
        }
    }
    let said = rewrite("SELECT count() FROM events", MetricKind::Ratio).unwrap_err();
    assert!(said.contains("a ratio needs a division"), "{said}");
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let query = format!("SELECT count() FROM events WHERE {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(rewrite(&query, MetricKind::Count).is_err());
}

#[test]
fn what_chains_without_nesting_is_refused_by_its_length() {
    let infix = [
        "+ 1",
        "AND 1",
        "XOR 1",
        "= 1",
        "|| 1",
        ":: Int",
        "LIKE 'a'",
        "ILIKE 'a'",
        "NOT ILIKE 'a'",
        "RLIKE 'a'",
        "REGEXP 'a'",
        "MATCH 'a'",
        "GLOB 'a'",
        "SIMILAR TO 'a'",
        "OVERLAPS 1",
        "MEMBER OF (1)",
        "AT TIME ZONE 'UTC'",
        "DIV 1",
        "OPERATOR(+) 1",
        "COLLATE a",
        "IS NULL",
        "NOTNULL",
        "IN (1)",
        "BETWEEN 1 AND 2",
        "[1]",
    ];
    let sets = ["UNION ALL", "EXCEPT", "INTERSECT", "MINUS"];
    let chains = infix.map(|piece| ("SELECT count() FROM events WHERE 1", format!(" {piece}")));
    let unions = sets.map(|word| ("SELECT 1", format!(" {word} SELECT 1")));
    for (head, piece) in chains.iter().chain(&unions) {
        let query = format!("{head}{}", piece.repeat(20_000 / piece.len()));
        assert!(rewrite(&query, MetricKind::Count).is_err(), "{piece}");
        assert!(super::parse::parse(&query).is_err_and(|error| error.contains("operators")), "{piece}");
        // Shorter than the bound: read or refused, and either way without the end of the process.
        let _ = super::parse::parse(&format!("{head}{}", piece.repeat(140)));
    }
}

#[test]
fn long_queries_as_people_write_them_are_read() {
    let column = |n: usize| format!("countIf(event = 'e{n}' AND timestamp > now() - INTERVAL 1 HOUR) AS c{n}");
    let columns: Vec<String> = (0..60).map(column).collect();
    let query = format!(
        "SELECT DISTINCT {} FROM events GROUP BY timestamp ORDER BY timestamp DESC LIMIT 5",
        columns.join(", ")
    );
    assert!(super::parse::parse(&query).is_ok(), "{query}");
}

#[test]
fn the_kind_is_seen_from_the_form() {
    for (query, kind) in [
        ("SELECT count() FROM events", MetricKind::Count),
        ("SELECT countIf(event = 'b') / countIf(event = 'a') FROM events", MetricKind::Ratio),
        ("SELECT round(countIf(event = 'b') / count() * 100, 1) FROM events", MetricKind::Ratio),
        ("SELECT count() / 24 FROM events", MetricKind::Count),
        ("SELECT avg(properties.duration_ms) FROM events", MetricKind::Duration),
        ("SELECT quantile(0.95)(properties.latency) FROM events", MetricKind::Duration),
        ("SELECT avg(properties.amount) FROM events", MetricKind::Count),
        ("SELECT sum(properties.duration_ms) FROM events", MetricKind::Count),
        ("nonsense", MetricKind::Count),
    ] {
        assert_eq!(kind_of(query), kind, "{query}");
    }
}

proptest! {
    /// Whatever a literal holds, it comes out as the same literal, and nothing of it becomes part of the query.
    #[test]
    fn literals_survive_the_rewriting(text in "[ -~éß']{0,24}") {
        let literal = quoted(&text);
        let query = format!("SELECT count() FROM events WHERE event = {literal} AND timestamp > now() - INTERVAL 1 HOUR");
        if text.contains('{') {
            prop_assert!(rewrite(&query, MetricKind::Count).is_err());
        } else {
            let (_, _, filters) = pieces(&query, MetricKind::Count);
            prop_assert_eq!(filters, format!("event = {literal}"));
        }
    }

    /// No query crashes the rewriting, and what it accepts it accepts again in its own words.
    #[test]
    fn any_text_is_answered(query in "\\PC{0,120}") {
        for kind in [MetricKind::Count, MetricKind::Ratio, MetricKind::Duration] {
            let _ = rewrite(&query, kind);
        }
        let _ = kind_of(&query);
    }
}
