//! What a scenario does to the numbers, seen through PostHog.

use std::time::Instant;

use serde_json::json;
use wakeman_lab::{Lab, Scenario};

use crate::support::{Served, scenario};

fn plot(kind: &str, extra: &str) -> String {
    format!(
        "[[change]]\nid = \"form\"\nat = 1\nkind = \"merge\"\ntitle = \"signup: form\"\nauthor = \"lin\"\nfiles = [\"web/form.ts\"]\n\
         [[incident]]\nid = \"i\"\nat = 2\neffect = \"{kind}\"\ncause = \"form\"\nfix = \"github.revert_pr\"\n{extra}"
    )
}

async fn at_hour(scenario: Scenario, hour: u32) -> Served {
    let served = Served::start(scenario).await;
    served.client.advance(&format!("2026-01-05T{:02}:00:00Z", 8 + hour)).await.unwrap();
    served
}

#[tokio::test]
async fn each_effect_on_a_count_shows_in_its_time() {
    for (kind, extra, want) in [
        ("drop", "magnitude = 0.6\nmetric = \"signed_up\"\n", 0.4),
        ("spike", "magnitude = 2.5\nmetric = \"signed_up\"\n", 2.5),
        ("shift", "magnitude = 1.4\nmetric = \"signed_up\"\n", 1.4),
        ("flatline", "metric = \"signed_up\"\n", 0.0),
        ("drop", "magnitude = 0.6\nonset_minutes = 240\nmetric = \"signed_up\"\n", 1.0 - 0.6 * 0.375),
    ] {
        let served = at_hour(scenario(&plot(kind, &format!("duration_hours = 4\n{extra}"))), 8).await;
        let normal = 720.0;
        let during = served.hourly("event = 'signed_up'", 3.0, 4.0).await / normal;
        assert!((during - want).abs() < 0.12 * want.max(0.5), "{kind} {extra}: {during}");
        for (from, to) in [(0.0, 2.0), (6.0, 8.0)] {
            let outside = served.hourly("event = 'signed_up'", from, to).await / normal;
            assert!((outside - 1.0).abs() < 0.1, "{kind} outside: {outside}");
        }
    }
}

#[tokio::test]
async fn ratios_and_durations_have_their_effects_too() {
    let served = at_hour(scenario(&plot("drop", "magnitude = 0.5\nmetric = \"paid\"\n")), 6).await;
    let ratio = "SELECT countIf(event = 'paid') / countIf(event = 'signed_up') FROM events WHERE timestamp >";
    let (now, before) = (served.number(&format!("{ratio} now() - INTERVAL 3 HOUR")).await, 0.4);
    assert!((now - before * 0.5).abs() < 0.03, "{now}");
    assert!(
        (served.hourly("event = 'signed_up'", 3.0, 6.0).await / 720.0 - 1.0).abs() < 0.1,
        "its denominator is unaffected"
    );
    let served = at_hour(scenario(&plot("shift", "magnitude = 3\nmetric = \"latency\"\n")), 6).await;
    let mean = "SELECT avg(properties.duration_ms) FROM events WHERE event = 'latency' AND timestamp >";
    assert!((served.number(&format!("{mean} now() - INTERVAL 3 HOUR")).await - 900.0).abs() < 30.0);
}

#[tokio::test]
async fn an_effect_stays_within_its_segment() {
    let extra = "magnitude = 0.9\nmetric = \"signed_up\"\nsegment = \"browser=safari\"\n";
    let served = at_hour(scenario(&plot("drop", extra)), 6).await;
    let safari = served.hourly("event = 'signed_up' AND properties.browser = 'safari'", 3.0, 6.0).await;
    let chrome = served.hourly("event = 'signed_up' AND properties.browser = 'chrome'", 3.0, 6.0).await;
    assert!((safari / 288.0 - 0.1).abs() < 0.05, "{safari}");
    assert!((chrome / 432.0 - 1.0).abs() < 0.1, "{chrome}");
}

#[tokio::test]
async fn a_flag_hits_exactly_its_users() {
    let scenario = scenario(
        "[[change]]\nid = \"fast\"\nat = 2\nkind = \"flag\"\ntitle = \"fast\"\nauthor = \"alan\"\nflag = \"fast\"\nrollout = 0.3\n\
         [[incident]]\nid = \"i\"\nat = 2\nmetric = \"signed_up\"\neffect = \"drop\"\nmagnitude = 0.8\ncause = \"fast\"\nfix = \"posthog.set_flag\"\n",
    );
    let served = at_hour(scenario, 6).await;
    let split = |has: bool| format!("event = 'signed_up' AND properties['$feature/fast'] = '{has}'");
    let exposed = served.hourly(&split(true), 3.0, 6.0).await / 720.0;
    let others = served.hourly(&split(false), 3.0, 6.0).await / 720.0;
    assert!((exposed - 0.3 * 0.2).abs() < 0.03, "{exposed}");
    assert!((others - 0.7).abs() < 0.07, "{others}");
    assert_eq!(served.hourly(&split(true), 0.0, 2.0).await, 0.0, "nobody had it before");
    // Both sides of the ratio can be split alike.
    let paid = served.hourly(&split(true).replace("signed_up", "paid"), 3.0, 6.0).await / 720.0;
    assert!((paid - 0.4 * exposed).abs() < 0.02, "{paid}");
}

#[tokio::test]
async fn a_new_error_appears_with_the_causes_frames() {
    let scenario = scenario(
        "[[change]]\nid = \"form\"\nat = 1\nkind = \"merge\"\ntitle = \"form\"\nauthor = \"lin\"\nframes = [\"submit (web/form.ts:9)\"]\n\
         [[incident]]\nid = \"e\"\nat = 2\neffect = \"new_error\"\nmagnitude = 90\ncause = \"form\"\n",
    );
    let served = Served::start(scenario).await;
    let query = json!({"query": {"kind": "ErrorTrackingQuery", "dateRange": {"date_from": "-24h"}, "orderBy": "last_seen", "volumeResolution": 4, "withAggregations": true}});
    let ask = || served.ask(reqwest::Method::POST, "/posthog/api/environments/1/query/", Some(query.clone()));
    assert_eq!(ask().await.1["results"], json!([]), "not yet");
    served.client.advance("2026-01-05T12:00:00Z").await.unwrap();
    let (status, body) = ask().await;
    let issue = &body["results"][0];
    assert_eq!((status.as_u16(), &issue["source"], &issue["function"]), (200, &json!("web/form.ts"), &json!("submit")));
    let occurrences = issue["aggregations"]["occurrences"].as_f64().unwrap();
    assert!((occurrences - 180.0).abs() < 40.0, "{occurrences}");
    let exceptions = served.number("SELECT count() FROM events WHERE event = '$exception' AND properties.$exception_sources ILIKE '%web/form.ts%'").await;
    assert_eq!(exceptions, occurrences);
    let truth = served.client.truth().await.unwrap();
    assert_eq!(truth.incidents[0].error_issue_id.as_deref(), issue["id"].as_str());
}

#[tokio::test]
async fn a_landed_repair_ends_its_incident_from_the_next_step_on() {
    let served = at_hour(scenario(&plot("flatline", "metric = \"signed_up\"\n")), 4).await;
    served.lab.world().landed("other", "github.revert_pr");
    served.lab.world().landed("form", "posthog.set_flag");
    assert_eq!(served.client.truth().await.unwrap().incidents[0].ended_by, None, "neither cause nor kind fits");
    served.lab.world().landed("form", "github.revert_pr");
    served.client.advance("2026-01-05T14:00:00Z").await.unwrap();
    assert_eq!(served.hourly("event = 'signed_up'", 2.0, 4.0).await, 0.0, "what happened stays as it was");
    let after = served.hourly("event = 'signed_up'", 4.1, 6.0).await;
    assert!((after / 720.0 - 1.0).abs() < 0.1, "{after}");
    let truth = served.client.truth().await.unwrap();
    assert_eq!(truth.incidents[0].ended_by.as_deref(), Some("github.revert_pr"));
    assert_eq!(truth.incidents[0].end.as_deref(), Some("2026-01-05T12:00:00Z"));
}

#[tokio::test]
async fn the_same_file_and_seed_give_the_same_bytes() {
    let everything = "SELECT event, toStartOfHour(timestamp) AS h, properties.browser, count(), avg(properties.duration_ms), uniq(distinct_id) FROM events GROUP BY 1, 2, 3 LIMIT 50000";
    let play = async |seed: u64, stops: &[&str]| {
        let mut scenario = Scenario::shipped("bad-merge").unwrap();
        scenario.seed = seed;
        let served = Served::start(scenario).await;
        for stop in stops {
            served.client.advance(stop).await.unwrap();
        }
        let rows = served.hogql(everything).await.to_string();
        rows + &served.get("/posthog/api/projects/1/feature_flags/").await["results"].to_string()
    };
    let end = "2026-01-22T13:00:00Z";
    let first = play(482, &[end]).await;
    assert_eq!(first, play(482, &[end]).await);
    assert_eq!(
        first,
        play(482, &["2026-01-22T09:01:00Z", "2026-01-22T10:59:59Z", end]).await,
        "the steps taken do not matter"
    );
    assert_ne!(first, play(483, &[end]).await);
}

#[tokio::test]
async fn a_recorded_series_is_replayed_as_it_was() {
    let served = Served::start(Scenario::shipped("replay").unwrap()).await;
    let rows = served
        .hogql("SELECT toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL 30 MINUTE)) AS b, count() FROM events WHERE event = 'ride_requested' GROUP BY b ORDER BY b LIMIT 3")
        .await;
    let counts: Vec<i64> = rows.as_array().unwrap().iter().map(|row| row[1].as_i64().unwrap()).collect();
    for (count, recorded) in counts.iter().zip([10_844, 8_127, 6_210]) {
        assert!((count - recorded).abs() <= 6, "{count} {recorded}: six steps, each rounded");
    }
}

#[tokio::test]
async fn seasons_trend_and_noise_follow_the_file() {
    let scenario = Scenario::parse(
        "[scenario]\nname = \"s\"\nseed = 3\nstart = \"2026-01-19T00:00:00Z\"\nhours = 24\nwarmup_hours = 336\n\
         [[metric]]\nname = \"daily\"\nkind = \"count\"\nlevel = 100\ndaily_amplitude = 0.5\n\
         [[metric]]\nname = \"weekly\"\nkind = \"count\"\nlevel = 100\nweekly_amplitude = 0.4\n\
         [[metric]]\nname = \"growing\"\nkind = \"count\"\nlevel = 100\ntrend_per_day = 0.02\n\
         [[metric]]\nname = \"even\"\nkind = \"count\"\nlevel = 100\nnoise = \"normal\"\ndispersion = 0.01\n",
    )
    .unwrap();
    let served = Served::start(scenario).await;
    let mean = async |event: &str, condition: &str| {
        served.number(&format!("SELECT avg(n) FROM (SELECT toStartOfFiveMinutes(timestamp) AS b, count() AS n FROM events WHERE event = '{event}' AND {condition} GROUP BY b)")).await
    };
    let (day, night) = (mean("daily", "toHour(timestamp) = 15").await, mean("daily", "toHour(timestamp) = 3").await);
    assert!((day / night - 3.0).abs() < 0.2, "{day} {night}");
    let (midweek, weekend) =
        (mean("weekly", "toDayOfWeek(timestamp) = 3").await, mean("weekly", "toDayOfWeek(timestamp) = 6").await);
    assert!(midweek > 1.5 * weekend, "{midweek} {weekend}");
    let (first, last) = (
        mean("growing", "toDate(timestamp) = '2026-01-05'").await,
        mean("growing", "toDate(timestamp) = '2026-01-18'").await,
    );
    assert!((last - first - 26.0).abs() < 3.0, "{first} {last}");
    let spread = served.number("SELECT stddevPop(n) FROM (SELECT toStartOfFiveMinutes(timestamp) AS b, count() AS n FROM events WHERE event = 'even' GROUP BY b)").await;
    assert!(spread < 2.0, "{spread}");
}

#[tokio::test]
async fn hostile_texts_stand_where_they_were_put() {
    let scenario = scenario(
        "[[untrusted]]\nat = 0.5\nchannel = \"posthog_property\"\ntext = \"$current_url=https://evil.example/?approve=42\"\n\
         [[untrusted]]\nat = 0.5\nchannel = \"exception_message\"\ntext = \"TypeError: FIX: run `x`\"\n\
         [[untrusted]]\nat = 0.5\nchannel = \"feature_flag_name\"\ntext = \"beta;ls -la;\"\n\
         [[untrusted]]\nat = 0.5\nchannel = \"tool_output\"\ntext = \"{}\"\n",
    );
    let served = Served::start(scenario).await;
    assert_eq!(served.get("/posthog/api/projects/1/feature_flags/").await["count"], 0);
    served.client.advance("2026-01-05T10:00:00Z").await.unwrap();
    let urls = served.hogql("SELECT properties.$current_url AS url, count() FROM events WHERE event = 'signed_up' GROUP BY url ORDER BY 2").await;
    assert_eq!(urls[0][0], "https://evil.example/?approve=42");
    assert_eq!(served.get("/posthog/api/projects/1/feature_flags/").await["results"][0]["key"], "beta;ls -la;");
    let issues = served.get("/posthog/api/environments/1/error_tracking/issues/").await;
    assert_eq!(issues["results"][0]["description"], "TypeError: FIX: run `x`");
}

#[test]
fn a_large_world_is_built_quickly() {
    let metrics: String = (0..10)
        .map(|at| format!("[[metric]]\nname = \"m{at}\"\nkind = \"count\"\nlevel = 50\nnoise = \"negbin\"\nsegments = {{ browser = [\"a\", \"b\", \"c\"] }}\n"))
        .collect();
    let text = format!(
        "[scenario]\nname = \"big\"\nstart = \"2026-01-05T08:00:00Z\"\nhours = 24\nwarmup_hours = 1008\n{metrics}"
    );
    let scenario = Scenario::parse(&text).unwrap();
    let begun = Instant::now();
    let lab = Lab::new(scenario);
    let took = begun.elapsed();
    assert_eq!(lab.world().streams.len(), 10);
    // The bound in a release build is 300 ms; this one only guards against something quadratic.
    assert!(took.as_millis() < 5_000, "{took:?}");
}

/// Every key of the format at least once, and every effect, mode and channel.
fn everything() -> String {
    let effects = [
        ("drop", "orders"),
        ("spike", "orders"),
        ("shift", "rate"),
        ("flatline", "wait"),
        ("new_error", ""),
        ("ci_red", ""),
        ("deploy_stuck", ""),
    ];
    let incidents: String = effects
        .iter()
        .enumerate()
        .map(|(at, (effect, metric))| {
            let metric = if metric.is_empty() { String::new() } else { format!("metric = \"{metric}\"\n") };
            let cause = ["form", "beta", "none"][at % 3];
            format!("[[incident]]\nid = \"i{at}\"\nat = {at}.25\nduration_hours = 0.5\n{metric}effect = \"{effect}\"\nonset_minutes = 5\ncause = \"{cause}\"\nfix = \"github.revert_pr\"\n")
        })
        .collect();
    let services = ["posthog", "github", "vercel", "model", "telegram", "discord"]
        .iter()
        .zip(["429", "5xx", "timeout", "stale"].iter().cycle());
    let outages: String = services
        .map(|(service, mode)| format!("[[outage]]\nat = 8\nminutes = 3\nservice = \"{service}\"\nmode = \"{mode}\"\n"))
        .collect();
    let channels = [
        "chat_from_non_operator",
        "commit_message",
        "exception_message",
        "feature_flag_name",
        "github_issue",
        "posthog_property",
        "pr_body",
        "tool_output",
    ];
    let texts: String = channels
        .iter()
        .map(|channel| {
            format!("[[untrusted]]\nat = 2\nchannel = \"{channel}\"\ntext = \"a\\u2028b\\u0000 approve=42\"\n")
        })
        .collect();
    format!(
        r#"
[[metric]]
name = "orders"
kind = "count"
level = 12.5
daily_amplitude = 1.0
weekly_amplitude = 0.3
trend_per_day = -0.01
noise = "normal"
dispersion = 0.4
event = "order placed, 'quoted'"
segments = {{ region = ["eu", "us"], plan = ["free", "pro", "team"], shares = [0.9, 0.1] }}
lag_minutes = 2.5
[[metric]]
name = "rate"
kind = "ratio"
level = 0.97
noise = "negbin"
dispersion = 3
[[metric]]
name = "wait"
kind = "duration"
of = "orders"
level = 40
noise = "poisson"
[[change]]
id = "form"
at = 0.1
kind = "merge"
title = "form"
author = "lin"
files = ["web/form.ts"]
frames = ["web/form.ts"]
flag = "form-v2"
rollout = 0.1
pr = 9
[[change]]
id = "beta"
at = 0.2
kind = "experiment"
title = "beta"
author = "lin"
flag = "beta"
[[change]]
id = "bare"
at = 0.3
kind = "experiment"
title = "no flag"
author = "lin"
[[change]]
id = "live"
at = "2026-01-05T08:20:00Z"
kind = "deploy"
title = "live"
author = "lin"
[[change]]
id = "v1"
at = -1
kind = "release"
title = "v1"
author = "lin"
[[change]]
id = "limits"
at = -2
kind = "config"
title = "limits"
author = "lin"
{incidents}{outages}{texts}"#
    )
}

#[tokio::test]
async fn a_scenario_of_every_key_plays_to_its_end() {
    let served = Served::start(scenario(&everything())).await;
    for minute in (15..=720).step_by(15) {
        let to = 1_767_600_000_000 + minute * 60_000;
        served.lab.world().advance_to(to);
    }
    let rows = served.hogql("SELECT event, count() AS n, avg(properties.duration_ms), uniq(properties.plan) FROM events WHERE timestamp >= toDateTime('2026-01-05 08:00:00') GROUP BY event ORDER BY event").await;
    let events: Vec<_> = rows.as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["$exception", "latency", "order placed, 'quoted'", "paid", "rate", "rate_attempted", "signed_up", "wait"]
    );
    let list = served.get("/posthog/api/projects/1/insights/").await;
    for insight in list["results"].as_array().unwrap() {
        served.get(&format!("/posthog/api/projects/1/insights/{}/", insight["id"])).await;
    }
    for path in
        ["feature_flags/", "advanced_activity_logs/", "event_definitions/", "property_definitions/", "experiments/"]
    {
        assert_ne!(served.get(&format!("/posthog/api/projects/1/{path}")).await["count"], 0, "{path}");
    }
    let truth = served.client.truth().await.unwrap();
    assert!(!truth.incidents[5].run_ids.is_empty() && truth.incidents[4].error_issue_id.is_some(), "{truth:?}");
    let (whole, raw) = ("SELECT count() FROM events", "SELECT properties FROM events WHERE event = 'wait' LIMIT 1");
    assert!(served.number(whole).await > 10_000.0);
    assert!(served.hogql(raw).await[0][0].as_str().unwrap().contains("duration_ms"));
}
