//! Wakeman's own state as a model reads it.

use insta::assert_snapshot;
use serde_json::json;
use wakeman_types::{Citation, Note, SeriesPoint};

use super::Room;
use crate::support::{NOW, minutes};

#[tokio::test]
async fn a_finding_comes_with_its_causes_and_why() {
    let room = Room::new().await;
    let finding = room.world.finding().await;
    let list = room.ask("findings", json!({})).await;
    assert_eq!(list.citations, [Citation::Finding { id: finding.id }]);
    let answer = room.ask("findings", json!({"id": "F-1"})).await;
    assert_eq!(answer.citations.len(), 2, "itself and its cause: {:?}", answer.citations);
    assert_snapshot!(format!("{}\n\n{}", list.content, answer.content), @r##"
🔴 F-1 · Sign-ups down 57 % · 02:35 · open

🔴 Sign-ups down 57 % since 02:35 (25 min ago)
41 where 96 were expected (80–112) · still falling

Likely cause, 87 %: #482 "signup: new form", merged 02:30 by lin
Less likely: none of these 6 %

F-1
since 2026-04-20 02:35 UTC, opened 2026-04-20 03:00 UTC
🔴 Sign-ups down 57 % since 02:35 (25 min ago)

Evidence
41 where 96 were expected (80–112) · still falling
Measured over 25 min. Chance of this without any change: less than 1 in 1,000,000.

Causes
87 % #482 "signup: new form", merged 02:30 by lin
6 % none of the known changes

How it was told
At once. Why is no longer known: decisions are kept for 400 days.
F-1 · opened 03:00 · thread thread_1
"##);
}

#[tokio::test]
async fn the_journal_and_threads_are_read_back() {
    let room = Room::new().await;
    room.ask("note", json!({"text": "lin looks into it"})).await;
    let journal = room.ask("records", json!({"what": "journal", "limit": 1})).await.content;
    let thread = room.ask("records", json!({"what": "threads", "id": "thread_chat"})).await.content;
    let threads = room.ask("records", json!({"what": "threads"})).await.content;
    assert_snapshot!(format!("{journal}\n\n{thread}\n\n{threads}"), @r##"
time | what | who | on | details
2026-04-20 03:00 UTC | note.written | model | thread_chat | {"ordinal":1}

Sign-ups?
Nothing was said yet.

03:00 Model's note:
  lin looks into it

thread_chat · telegram

thread_chat · Sign-ups? · telegram · 0 s ago
"##);
}

#[tokio::test]
async fn a_chart_is_drawn_of_a_finding_and_of_a_metric() {
    let room = Room::new().await;
    let mut finding = room.world.finding().await;
    let point = |at: i64| SeriesPoint {
        at: NOW.plus_ms(minutes(5) * (at - 48)),
        value: if at < 43 { 96.0 } else { 41.0 },
        expected: 96.0,
        low: 80.0,
        high: 112.0,
    };
    finding.series = (0..48).map(point).collect();
    room.world.commit(wakeman_store::Commit::new(NOW).put(&finding)).await;
    let of_finding = room.ask("chart", json!({"finding": "F-1"})).await.content;
    let of_metric = room.ask("chart", json!({"metric": "signed_up", "days": 0.1})).await.content;
    assert_snapshot!(format!("{of_finding}\n\n{of_metric}"), @r##"
Sign-ups down 57 % since 02:35 (25 min ago)
112 ┤░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
    │⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠹⡀░░░░░░
    │░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░⡇░░░░░░
    │                                                            ⢸
    │                                                            ⠘⡄
    │                                                             ⠉⠉⠉⠉⠉⠉
    │
  0 ┤
    └───────────────────────────────────────────────────────────▲───────
     23:00                                                 #482 02:30

signed_up
█▄▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
2026-04-20 00:35 UTC to 2026-04-20 03:00 UTC, 5 min a character; lowest 0, highest 96 (events a step); the last step is not over
"##);
}

#[tokio::test]
async fn notes_are_numbered_and_by_the_model() {
    let room = Room::new().await;
    for text in ["one", "two\u{202e}"] {
        let answer = room.ask("note", json!({"text": text})).await;
        assert_eq!(answer.actions.len(), 1);
    }
    let notes: Vec<Note> = room.world.all().await;
    let said: Vec<(u64, &str, &str)> =
        notes.iter().map(|note| (note.ordinal, note.author.as_str(), note.content.as_str())).collect();
    assert_eq!(said, [(1, "model", "one"), (2, "model", "two⟨U+202E⟩")]);
    assert_eq!(room.world.events_of("thread_chat").await, ["note.written", "note.written"]);
}

#[tokio::test]
async fn times_are_told_in_the_zone_of_whoever_asks() {
    let operators = json!([{"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "Asia/Tokyo"}]);
    let settings = json!({"operators": operators, "ui": {"timezone": "America/New_York"}});
    let room = Room::with(settings, "{}").await;
    room.world.finding().await;
    room.ask("note", json!({"text": "lin looks into it"})).await;
    let mut told = String::new();
    for (tool, arguments) in [
        ("findings", json!({"id": "F-1"})),
        ("findings", json!({})),
        ("records", json!({"what": "journal"})),
        ("records", json!({"what": "threads", "id": "thread_chat"})),
        ("chart", json!({"metric": "signed_up", "days": 0.1})),
        ("posthog_annotations", json!({})),
        ("github_list", json!({"what": "commits"})),
    ] {
        told.push_str(&room.ask(tool, arguments).await.content);
        told.push('\n');
    }
    for here in ["since 2026-04-20 11:35 JST", "02:35", "2026-04-20 12:00 JST", "12:00 Model's note"] {
        assert_eq!(told.contains(here), here != "02:35", "{here}: {told}");
    }
    assert!(!told.contains("EDT") && !told.contains("UTC"), "{told}");
}
