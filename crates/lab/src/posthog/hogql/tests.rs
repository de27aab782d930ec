//! HogQL against small worlds, by table.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::run;
use crate::scenario::Scenario;
use crate::time::{HOUR_MS, MINUTE_MS};
use crate::world::World;

const HEAD: &str =
    "[scenario]\nname = \"t\"\nseed = 5\nstart = \"2026-01-01T00:00:00Z\"\nhours = 12\nwarmup_hours = 48\n";

const METRICS: &str = r#"
[[metric]]
name = "signed_up"
kind = "count"
level = 40
noise = "poisson"
segments = { browser = ["chrome", "safari"], shares = [0.75, 0.25] }
[[metric]]
name = "paid"
kind = "ratio"
of = "signed_up"
level = 0.3
[[metric]]
name = "latency"
kind = "duration"
event = "signed_up"
level = 200
[[metric]]
name = "late"
kind = "count"
level = 10
lag_minutes = 12
"#;

fn world(more: &str) -> World {
    World::new(Scenario::parse(&format!("{HEAD}{METRICS}{more}")).unwrap())
}

fn rows(world: &World, query: &str) -> Json {
    rows_with(world, query, &Json::Null)
}

fn rows_with(world: &World, query: &str, values: &Json) -> Json {
    let table = run(world, world.now_ms, query, values).unwrap_or_else(|error| panic!("{query}: {error}"));
    table.rows.iter().map(|row| row.iter().map(|value| value.json()).collect::<Json>()).collect()
}

fn number(world: &World, query: &str) -> f64 {
    rows(world, query)[0][0].as_f64().unwrap_or_else(|| panic!("{query} gives no number"))
}

#[test]
fn expressions_have_clickhouses_values() {
    let world = world("");
    for (expression, want) in [
        ("1 + 2 * 3", json!(7)),
        ("7 / 2", json!(3.5)),
        ("intDiv(7, 2)", json!(3)),
        ("-7 % 3", json!(-1)),
        ("0 / 0", json!(null)),
        ("round(2.456, 2)", json!(2.46)),
        ("if(1 > 2, 'a', 'b')", json!("b")),
        ("multiIf(1 > 2, 'a', 2 > 1, 'b', 'c')", json!("b")),
        ("CASE WHEN 1 = 1 THEN 'x' ELSE 'y' END", json!("x")),
        ("CASE 3 WHEN 1 THEN 'one' WHEN 3 THEN 'three' END", json!("three")),
        ("coalesce(NULL, NULL, 4)", json!(4)),
        ("concat('a', 'b', toString(3))", json!("ab3")),
        ("'a' || 'b'", json!("ab")),
        ("lower('ABC')", json!("abc")),
        ("'checkout' LIKE 'check%' AND NOT 'x' ILIKE 'Y%'", json!(true)),
        ("5 BETWEEN 1 AND 5", json!(true)),
        ("3 IN (1, 2, 3)", json!(true)),
        ("4 NOT IN (1, 2, 3)", json!(true)),
        ("NULL IS NULL", json!(true)),
        ("toUnixTimestamp(now())", json!(1_767_225_600)),
        ("toUnixTimestamp64Milli(now())", json!(1_767_225_600_000i64)),
        ("now() - INTERVAL 90 MINUTE", json!("2025-12-31T22:30:00Z")),
        ("now() - INTERVAL '1 day'", json!("2025-12-31T00:00:00Z")),
        ("subtractHours(now(), 3)", json!("2025-12-31T21:00:00Z")),
        ("toStartOfInterval(toDateTime('2026-01-01 10:07:31'), INTERVAL 5 MINUTE)", json!("2026-01-01T10:05:00Z")),
        ("toStartOfTenMinutes(toDateTime('2026-01-01 10:17:31'))", json!("2026-01-01T10:10:00Z")),
        ("toStartOfFifteenMinutes(toDateTime('2026-01-01 10:17:31'))", json!("2026-01-01T10:15:00Z")),
        ("toStartOfHour(toDateTime(1767262051))", json!("2026-01-01T10:00:00Z")),
        ("dateTrunc('month', toDateTime('2026-03-17 10:00:00'))", json!("2026-03-01")),
        ("toStartOfWeek(toDate('2026-01-01'))", json!("2025-12-28")),
        ("toMonday(toDate('2026-01-01'))", json!("2025-12-29")),
        ("toDate('2026-01-01') + INTERVAL 1 MONTH", json!("2026-02-01")),
        ("today() - 1", json!("2025-12-31")),
        ("toHour(toDateTime('2026-01-01 10:17:31'))", json!(10)),
        ("dateDiff('minute', toDateTime('2026-01-01 10:00:59'), toDateTime('2026-01-01 10:02:01'))", json!(2)),
        ("toDateTime('2026-01-01 10:00:00') > '2026-01-01 09:59:59'", json!(true)),
        ("toInt('42') + toFloat('0.5')", json!(42.5)),
        ("CAST('7' AS Int64)", json!(7)),
        ("[1, 2, 3][2]", json!(2)),
        ("(SELECT 3) + 1", json!(4)),
    ] {
        assert_eq!(rows(&world, &format!("SELECT {expression}")), json!([[want]]), "{expression}");
    }
}

#[test]
fn placeholders_take_their_values() {
    let world = world("");
    let values = json!({"name": "sig'ned\\", "list": [1, 2], "filters": {"n": 3}});
    let query = "SELECT {name}, 2 IN {list}, {filters.n}, '{name}'";
    assert_eq!(rows_with(&world, query, &values), json!([["sig'ned\\", true, 3, "{name}"]]));
    assert_eq!(rows(&world, "SELECT 1 WHERE {filters}"), json!([[1]]), "no filters hold everywhere");
    let error = run(&world, world.now_ms, "SELECT {other}", &values).unwrap_err();
    assert_eq!(error.detail, "Unresolved placeholder: {other}");
}

#[test]
fn what_is_not_understood_is_refused_as_posthog_refuses_it() {
    let world = world("");
    for (query, code, part) in [
        ("", "hogql_syntax_error", "mismatched input '<EOF>'"),
        ("SELEC 1", "hogql_syntax_error", "SELEC"),
        ("SELECT 1 FROM events WHERE (", "hogql_syntax_error", ""),
        ("SELECT 1; SELECT 2", "hogql_syntax_error", "extraneous input ';'"),
        ("DROP TABLE events", "hogql_syntax_error", "mismatched input 'DROP'"),
        ("INSERT INTO events VALUES (1)", "hogql_syntax_error", "mismatched input 'INSERT'"),
        ("SELECT wrong FROM events", "hogql_query_error", "Unable to resolve field: wrong"),
        ("SELECT count() FROM people", "hogql_query_error", "Unknown table `people`."),
        ("SELECT sleep(3)", "hogql_query_error", "Unsupported function call 'sleep(...)'"),
        ("SELECT count() FROM events a JOIN events b ON a.uuid = b.uuid", "hogql_query_error", "JOIN"),
        ("SELECT event, count() FROM events", "hogql_query_error", "NOT_AN_AGGREGATE"),
        ("SELECT count() FROM events WHERE count() > 1", "hogql_query_error", "ILLEGAL_AGGREGATION"),
        ("SELECT sum(count()) FROM events", "hogql_query_error", "nested inside another aggregation"),
        ("SELECT lower('a', 'b')", "hogql_query_error", "expects 1 arguments, found 2"),
        ("SELECT avg(event) FROM events", "hogql_query_error", "not a number"),
        ("SELECT 1 UNION ALL SELECT 1, 2", "hogql_query_error", "columns"),
        ("SELECT 1 EXCEPT SELECT 2", "hogql_query_error", "EXCEPT"),
        ("SELECT row_number() OVER () FROM events", "hogql_query_error", "window"),
        ("SELECT toDateTime('soon')", "hogql_query_error", "cannot read"),
    ] {
        let error = run(&world, world.now_ms, query, &Json::Null).expect_err(query);
        assert_eq!(error.code, code, "{query}: {error}");
        assert!(error.detail.contains(part), "{query}: {error}");
    }
}

#[test]
fn what_is_deep_is_answered_or_refused_and_never_ends_the_process() {
    let world = world("");
    let parentheses = |depth| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    let calls = |depth| format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth));
    let selects = |depth| format!("{}SELECT 1{}", "SELECT * FROM (".repeat(depth), ")".repeat(depth));
    let sum = |length| format!("SELECT 1{}", " + 1".repeat(length));
    let sets = |word: &str, length| format!("SELECT 1{}", format!(" {word} SELECT 1").repeat(length));
    let unions = |length| sets("UNION ALL", length);
    for query in [parentheses(20), calls(20), selects(5), sum(400), unions(300)] {
        assert!(run(&world, world.now_ms, &query, &Json::Null).is_ok(), "{query}");
    }
    for query in [parentheses(20_000), calls(20_000), selects(20_000), sum(100_000), unions(20_000)] {
        assert!(run(&world, world.now_ms, &query, &Json::Null).is_err());
    }
    for word in ["limit", "where", "select"] {
        let query = format!("SELECT 1{}", format!(" + {word} + 1").repeat(20_000));
        assert!(run(&world, world.now_ms, &query, &Json::Null).is_err(), "{word}");
    }
    let lists = format!("SELECT [1, 2]{}", " || [1, 2]".repeat(20_000));
    assert!(run(&world, world.now_ms, &lists, &Json::Null).is_err());
    for word in ["EXCEPT", "INTERSECT", "MINUS"] {
        assert!(run(&world, world.now_ms, &sets(word, 20_000), &Json::Null).is_err(), "{word}");
    }
    // At the edge of what is refused either answer is right.
    for depth in 20..90 {
        for query in [parentheses(depth), calls(depth), selects(depth)] {
            let _ = run(&world, world.now_ms, &query, &Json::Null);
        }
    }
}

#[test]
fn counts_ratios_and_durations_are_at_their_levels() {
    let world = world("");
    let per_step = number(&world, "SELECT count() / 576 FROM events WHERE event = 'signed_up'");
    assert!((per_step - 40.0).abs() < 1.0, "{per_step}");
    let ratio = number(&world, "SELECT countIf(event = 'paid') / countIf(event = 'signed_up') FROM events");
    assert!((ratio - 0.3).abs() < 0.01, "{ratio}");
    let mean = number(&world, "SELECT avg(properties.duration_ms) FROM events WHERE event = 'signed_up'");
    assert!((mean - 200.0).abs() < 2.0, "{mean}");
    let one_by_one =
        number(&world, "SELECT avg(toFloat(toString(properties.duration_ms))) FROM events WHERE event = 'signed_up'");
    assert!((one_by_one - mean).abs() < 0.5, "{one_by_one} {mean}");
    let p95 = number(&world, "SELECT quantile(0.95)(properties.duration_ms) FROM events WHERE event = 'signed_up'");
    assert!((260.0..310.0).contains(&p95), "{p95}");
    let safari =
        number(&world, "SELECT countIf(properties.browser = 'safari') / count() FROM events WHERE event = 'signed_up'");
    assert!((safari - 0.25).abs() < 0.02, "{safari}");
}

#[test]
fn counts_and_single_events_agree() {
    let world =
        world("[[change]]\nid = \"f\"\nat = -20\nkind = \"flag\"\ntitle = \"f\"\nflag = \"beta\"\nrollout = 0.4\n");
    let window = "event = 'signed_up' AND timestamp >= toDateTime('2025-12-31 20:03:10') AND timestamp < now()";
    let counted = number(&world, &format!("SELECT count() FROM events WHERE {window}"));
    let singles = number(&world, &format!("SELECT uniq(uuid) FROM events WHERE {window}"));
    assert_eq!(counted, singles);
    let listed =
        rows(&world, &format!("SELECT uuid, timestamp FROM events WHERE {window} ORDER BY timestamp LIMIT 50000"));
    assert_eq!(listed.as_array().unwrap().len() as f64, counted);
    let edges = rows(&world, &format!("SELECT min(timestamp), max(timestamp) FROM events WHERE {window}"));
    assert_eq!(edges[0][0], listed[0][1]);
    assert_eq!(edges[0][1], listed[listed.as_array().unwrap().len() - 1][1]);
    let split = rows(
        &world,
        &format!(
            "SELECT properties['$feature/beta'] AS beta, count() FROM events WHERE {window} GROUP BY beta ORDER BY beta"
        ),
    );
    let (without, with) = (split[0][1].as_f64().unwrap(), split[1][1].as_f64().unwrap());
    assert_eq!(with + without, counted);
    assert!((with / counted - 0.4).abs() < 0.05, "{with} of {counted}");
}

#[test]
fn events_become_visible_only_after_their_lag() {
    let mut world = world("");
    world.advance_to(world.scenario.start_ms + HOUR_MS);
    let newest = |world: &World, event: &str| {
        number(world, &format!("SELECT dateDiff('second', max(timestamp), now()) FROM events WHERE event = '{event}'"))
    };
    assert!(newest(&world, "signed_up") < 30.0);
    assert!((12.0 * 60.0..13.0 * 60.0 + 30.0).contains(&newest(&world, "late")));
}

#[test]
fn the_running_step_is_partial_and_no_event_is_ahead_of_the_clock() {
    let mut world = world("");
    let start = world.scenario.start_ms;
    let running = "SELECT count() FROM events WHERE event = 'signed_up' AND timestamp >= toStartOfFiveMinutes(now())";
    world.advance_to(start + HOUR_MS + 150_000);
    let half = number(&world, running);
    assert!((12.0..30.0).contains(&half), "{half}");
    assert_eq!(number(&world, "SELECT count() FROM events WHERE timestamp > now()"), 0.0);
}

#[test]
fn limits_are_those_of_posthog() {
    let world = world("");
    let by_step =
        "SELECT toStartOfFiveMinutes(timestamp) AS b, count() FROM events WHERE event = 'signed_up' GROUP BY b";
    for (query, count, more) in [
        (by_step.to_owned(), 100, true),
        (format!("{by_step} LIMIT 3"), 3, true),
        (format!("{by_step} ORDER BY b DESC LIMIT 200 OFFSET 500"), 76, false),
        (format!("SELECT * FROM ({by_step})"), 100, true),
        (format!("SELECT * FROM ({by_step}) LIMIT 50000"), 576, false),
        // A LIMIT at the end of a union is its last SELECT's; the others keep the default.
        (format!("{by_step} UNION ALL {by_step} LIMIT 50000"), 676, true),
        (format!("SELECT * FROM ({by_step} UNION ALL {by_step}) LIMIT 50000"), 1_152, false),
    ] {
        let table = run(&world, world.now_ms, &query, &Json::Null).unwrap();
        assert_eq!((table.rows.len(), table.more), (count, more), "{query}");
    }
}

#[test]
fn groups_order_and_having_work_by_alias_expression_and_position() {
    let world = world("");
    let by_browser = rows(
        &world,
        "SELECT properties.browser AS browser, count() AS n FROM events WHERE event = 'signed_up' GROUP BY 1 HAVING n > 10 ORDER BY n DESC",
    );
    assert_eq!((&by_browser[0][0], &by_browser[1][0]), (&json!("chrome"), &json!("safari")));
    let same = rows(
        &world,
        "SELECT browser, n FROM (SELECT properties.browser AS browser, count() AS n FROM events WHERE event = 'signed_up' GROUP BY properties.browser) AS t ORDER BY 2 DESC",
    );
    assert_eq!(same, by_browser);
    let cte = rows(
        &world,
        "WITH t AS (SELECT event, count() AS n FROM events GROUP BY event) SELECT max(n) = (SELECT count() FROM events WHERE event = 'signed_up') FROM t",
    );
    assert_eq!(cte, json!([[true]]));
}

#[test]
fn the_watchers_union_reads_counts_ratios_and_the_clock_at_once() {
    let mut world = world("");
    world.advance_to(world.scenario.start_ms + 3 * HOUR_MS);
    let bucket = "toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 5 MINUTE)) AS bucket";
    let query = format!(
        "SELECT * FROM (SELECT event AS metric, {bucket}, count() AS value, 0 AS weight, toUnixTimestamp(now()) AS server_now \
         FROM events WHERE event IN ('signed_up', 'late') AND timestamp >= toDateTime(1767225600) GROUP BY metric, bucket \
         UNION ALL SELECT 'm0' AS metric, {bucket}, countIf(event = 'paid') / countIf(event = 'signed_up') AS value, \
         countIf(event = 'signed_up') AS weight, toUnixTimestamp(now()) AS server_now FROM events \
         WHERE event IN ('paid', 'signed_up') AND timestamp >= toDateTime(1767225600) GROUP BY bucket) LIMIT 50000"
    );
    let table = run(&world, world.now_ms, &query, &Json::Null).unwrap();
    assert_eq!(table.columns, ["metric", "bucket", "value", "weight", "server_now"]);
    let of = |metric: &str| table.rows.iter().filter(|row| row[0].shown() == metric).count();
    assert_eq!((of("signed_up"), of("m0")), (36, 36));
    assert!((33..=34).contains(&of("late")), "{}", of("late"));
    assert!(table.rows.iter().all(|row| row[4].json() == json!(1_767_225_600 + 3 * 3_600)));
    assert_eq!(table.types()[0], "String");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn buckets_add_up_to_the_total(width in 1i64..200, from in 0i64..2_000, length in 1i64..900, split in any::<bool>()) {
        let world = world("");
        let start = world.scenario.history_start_ms() + from * MINUTE_MS + 1_234;
        let window = format!(
            "event = 'signed_up' AND toUnixTimestamp64Milli(timestamp) >= {start} AND timestamp >= toDateTime64({}) AND timestamp < toDateTime64({})",
            start as f64 / 1e3, (start + length * MINUTE_MS) as f64 / 1e3
        );
        let total = number(&world, &format!("SELECT count() FROM events WHERE {window}"));
        let extra = if split { ", properties.browser" } else { "" };
        let buckets = rows(&world, &format!(
            "SELECT sum(n) FROM (SELECT toStartOfInterval(timestamp, INTERVAL {width} MINUTE){extra}, count() AS n FROM events WHERE {window} GROUP BY 1{})",
            if split { ", 2" } else { "" }
        ));
        prop_assert_eq!(buckets[0][0].as_f64().unwrap_or(0.0), total);
        let bounded = window.replace(&format!("toUnixTimestamp64Milli(timestamp) >= {start} AND "), "");
        prop_assert_eq!(number(&world, &format!("SELECT count() FROM events WHERE {bounded}")), total);
    }
}
