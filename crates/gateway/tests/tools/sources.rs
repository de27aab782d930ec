//! What the sources' tools answer, and how much of it.

use insta::assert_snapshot;
use serde_json::{Value, json};
use wakeman_gateway::tools::RESULT_BYTES_MAX;
use wakeman_types::Citation;

use super::{Room, every_call};

#[tokio::test]
async fn tables_have_a_header_times_a_zone_and_numbers_a_unit() {
    let room = Room::with(json!({"ui": {"timezone": "Europe/Berlin"}}), "{}").await;
    let mut all = String::new();
    let outside = |name: &str| ["posthog_", "github_", "vercel_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, arguments) in every_call().into_iter().filter(|(name, _)| outside(name)) {
        let answer = room.ask(name, arguments.clone()).await;
        let what = arguments["what"].as_str().unwrap_or_default();
        all.push_str(&format!("[{name} {what}]\n{}\n", answer.content.trim_end()));
        assert!(matches!(&answer.citations[0], Citation::Query { as_of: Some(_), .. }), "{name}");
    }
    assert_snapshot!(all, @r##"
[posthog_query ]
event | count()
signed_up | 41
null | 2.500
[posthog_trends ]
events: signed_up; times in UTC, the last point is not over
from | signed_up
total | 137
2026-04-20 01:00:00 | 96
2026-04-20 02:00:00 | 41
[posthog_funnel ]
step | users | of the step before | of the first | median time from the step before
$pageview | 100 | 100.0 % | 100.0 % | -
signed_up | 50 | 50.0 % | 50.0 % | 1 min
[posthog_errors ]
since 2026-04-19 05:00 CEST
error | message | status | times | first seen | last seen | top frame | id
TypeError | email is undefined | active | 31 | 2026-04-20 04:35 CEST | 2026-04-20 05:00 CEST | web/signup/form.ts submit | 0190
[posthog_flags ]
key | name | on | rollout | version | edited | by
checkout-fast | Fast checkout | on | 5 % | 12 | 2026-04-20 05:00 CEST | alan
[posthog_annotations ]
since 2026-04-13 05:00 CEST
time | note | by
2026-04-20 05:00 CEST | launch | -
[github_list commits]
time | commit | author | title
2026-04-20 05:00 CEST | 9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | - | signup: new form
[github_list pulls]
number | state | changed | merged | author | title | labels
#482 | merged | 2026-04-20 05:00 CEST | 2026-04-20 04:30 CEST | lin | signup: new form | web
[github_list issues]
none
[github_list runs]
run | workflow | result | attempt | commit | started | changed
1 | ci | failed | 1 | 9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | 2026-04-20 05:00 CEST | 2026-04-20 05:00 CEST
[github_list jobs]
job | name | result | failed steps | started | ended
7 | test | failure | npm test | 2026-04-20 05:00 CEST | -
[github_list deployments]
deployment | environment | status | since | created | commit
3 | production | success | 2026-04-20 05:00 CEST | 2026-04-20 05:00 CEST | 9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
[github_read pull]
#482 signup: new form
merged by lin, opened 2026-04-20 04:00 CEST, changed 2026-04-20 05:00 CEST, merged 2026-04-20 04:30 CEST, form into main

Replaces the form.

somebody, 2026-04-20 05:00 CEST:
looks good
[github_read issue]
#482 signup: new form
merged by lin, opened 2026-04-20 04:00 CEST, changed 2026-04-20 05:00 CEST, merged 2026-04-20 04:30 CEST, form into main

Replaces the form.

somebody, 2026-04-20 05:00 CEST:
looks good
[github_read diff]
1 files changed
modified a.ts +1 -1

--- a.ts
@@ -1 +1 @@
-old
+new
[github_read file]
export {};
[github_read log]
… 89979 bytes before this left out
Error: 1 test failed
[vercel_deployments ]
created | state | target | ready | commit | title | author | can roll back to | id
2026-04-20 05:00 CEST | READY | production | - | 9c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | signup: new form | lin | no | dpl_1
"##);
}

#[tokio::test]
async fn a_query_is_cited_as_it_was_run() {
    let room = Room::new().await;
    let answer = room.ask("posthog_query", json!({"sql": format!("SELECT {}", "x".repeat(2_000))})).await;
    let [Citation::Query { source, query, .. }] = answer.citations.as_slice() else { panic!("{answer:?}") };
    assert_eq!((source.as_str(), query.chars().count()), ("PostHog", 500));
}

#[tokio::test]
async fn a_million_rows_are_cut_where_it_can_be_seen() {
    let room = Room::new().await;
    let row: Vec<Value> = vec![json!("x".repeat(150)), json!(1)];
    *room.readers.rows.lock().unwrap() = Some(vec![row; 1_000_000]);
    let answer = room.ask("posthog_query", json!({"sql": "SELECT event, 1 FROM events"})).await;
    assert!(answer.content.len() <= RESULT_BYTES_MAX);
    assert_eq!(answer.content.lines().count(), 502, "header, 500 rows, and the line that says so");
    assert!(answer.content.ends_with("… the first 500 rows; there are more"));
}

#[tokio::test]
async fn every_text_of_any_length_fits_and_says_what_was_left_out() {
    let room = Room::new().await;
    room.readers.say(&"0123456789\u{202e}\n".repeat(200_000));
    for (name, arguments) in every_call() {
        let answer = room.ask(name, arguments.clone()).await;
        assert!(answer.content.len() <= RESULT_BYTES_MAX, "{name} {arguments}: {}", answer.content.len());
    }
    let file = room.ask("github_read", json!({"what": "file", "path": "a"})).await.content;
    assert!(file.contains("bytes left out"), "{}", &file[file.len() - 100..]);
}

#[tokio::test]
async fn what_hides_or_commands_is_made_visible_and_code_stays_code() {
    let room = Room::new().await;
    room.readers.say("fn a() {\n\t\x1b[31mlet x = 1;  // \u{202e}live\u{e0041}\u{e0042}\n}");
    let file = room.ask("github_read", json!({"what": "file", "path": "a"})).await.content;
    assert_eq!(file, "fn a() {\n\t␛[31mlet x = 1;  // ⟨U+202E⟩live⟨U+E0041⟩⟨U+E0042⟩\n}");
    for (name, arguments) in every_call() {
        let content = room.ask(name, arguments).await.content;
        let bad =
            content.chars().find(|c| c.is_control() && !"\n\t".contains(*c) || ('\u{202a}'..='\u{202e}').contains(c));
        assert_eq!(bad, None, "{name}");
    }
}

#[tokio::test]
async fn a_cell_cannot_look_like_the_next_one() {
    let room = Room::new().await;
    *room.readers.rows.lock().unwrap() = Some(vec![vec![json!("a | b\nc | d"), json!(1)]]);
    let answer = room.ask("posthog_query", json!({"sql": "SELECT 1"})).await;
    assert_eq!(answer.content, "event | count()\na ¦ b ⏎ c ¦ d | 1");
}
