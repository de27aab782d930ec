//! Killed at every labelled boundary between a message and its answer: it has one end, nothing is lost, no turn is doubled, and what was
//! sent is sent again only where that was in doubt, and says so.
//!
//! `cargo test` runs a sample; `WAKEMAN_CRASH_MATRIX=all` every case.

use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wakeman_gateway::{InboundRow, InboundState};
use wakeman_store::{ListQuery, OutboxState};
use wakeman_types::{Said, Turn};

use super::room::{Discord, Platform, Room, Telegram, look};

/// What becomes a turn: it grows on the screen, and its end is an edit of that.
const QUESTION: &str = "how is it going?";
/// What is answered at once, with a message.
const VERB: &str = "/whoami";
const ANSWER: &str = "All is well, and there is nothing at all that you would have to do before tomorrow morning.";

/// The steps of a question.
const OF_TURNS: [&str; 9] = [
    "inbound.accepted",
    "inbound.asked",
    "turn.accepted",
    "model",
    "live.placed",
    "turn.ended",
    "inbound.ended",
    "outbox.claim",
    "outbox.confirm",
];
/// Those of a verb.
const OF_VERBS: [&str; 4] = ["inbound.accepted", "inbound.ended", "outbox.claim", "outbox.confirm"];
/// Killed there, nobody knows whether it went out: it is sent again when its lease is over.
const IN_DOUBT: [&str; 2] = ["outbox.claim.after", "outbox.confirm.before"];
/// Cases at the same time: most of a case is waiting.
const ABREAST: usize = 4;
/// `cargo test` runs every so many-th case of those that wait for no lease.
const EVERY: usize = 9;

#[derive(Debug, Clone)]
struct Case {
    platform: Platform,
    said: &'static str,
    label: String,
}

impl Case {
    fn in_doubt(&self) -> bool {
        IN_DOUBT.contains(&self.label.as_str())
    }
}

fn all() -> Vec<Case> {
    let of_turns = OF_TURNS.map(|step| (QUESTION, step));
    let of_verbs = OF_VERBS.map(|step| (VERB, step));
    let mut cases = Vec::new();
    for platform in [Telegram, Discord] {
        for (said, step) in of_turns.into_iter().chain(of_verbs) {
            cases.extend(["before", "after"].map(|side| Case { platform, said, label: format!("{step}.{side}") }));
        }
    }
    cases
}

/// What is stored.
struct Stored {
    messages: Vec<InboundRow>,
    turns: Vec<Turn>,
    open: u64,
    failed: u64,
}

fn stored(room: &Room) -> Option<Stored> {
    room.stored(async |store| {
        let rows = store.list::<InboundRow>(&ListQuery::oldest(50)).await?.items.into_iter().map(|row| row.value);
        let turns = store.list::<Turn>(&ListQuery::oldest(50)).await?.items.into_iter().map(|turn| turn.value);
        let open = store.outbox_count(OutboxState::Pending).await? + store.outbox_count(OutboxState::Leased).await?;
        let failed = store.outbox_count(OutboxState::Failed).await?;
        let messages = rows.filter(|row| matches!(row.inbound.said, Said::Text { .. })).collect();
        Ok(Stored { messages, turns: turns.collect(), open, failed })
    })
}

fn run(case: &Case) {
    let mut room = Room::open(case.platform);
    let ada = case.platform.ada();
    room.lab.order(&json!([{"match": "any", "text": ANSWER, "delay_ms": 80}]));
    room.home.env.push(("WAKEMAN_CRASH_AT".to_owned(), case.label.clone()));
    let killed = Mutex::new(room.daemon());
    room.home.env.pop();
    room.say(ada, case.said);
    let status = look("killed", || killed.lock().unwrap().0.try_wait().unwrap());
    assert_eq!(status.signal(), Some(9), "{case:?}");
    let running = room.daemon();
    let settled = look("settled", || {
        let stored = stored(&room)?;
        let ended = !stored.messages.is_empty() && stored.messages.iter().all(|row| row.state.is_terminal());
        (ended && stored.open == 0).then_some(stored)
    });
    assert_eq!(running.stop(), Some(0), "{case:?}");
    check(case, &settled, &room.words(ada));
}

fn check(case: &Case, stored: &Stored, words: &[String]) {
    use InboundState::{Answered, Done, Interrupted};
    assert_eq!(stored.messages.len(), 1, "{case:?}: taken once");
    let state = stored.messages[0].state;
    assert!(matches!(state, Answered | Done | Interrupted), "{case:?}: {state:?}");
    assert_eq!(stored.turns.len(), usize::from(case.said == QUESTION), "{case:?}: no turn is doubled");
    assert_eq!(stored.failed, 0, "{case:?}");
    assert!(!words.is_empty(), "{case:?}: it is answered");
    let marked = words.iter().filter(|text| text.contains("Sent again")).count();
    assert!(marked <= usize::from(case.in_doubt()), "{case:?}: {words:?}");
    let mut plain: Vec<&String> = words.iter().filter(|text| !text.contains("Sent again")).collect();
    let count = plain.len();
    plain.sort();
    plain.dedup();
    assert_eq!(plain.len(), count, "{case:?}: nothing is repeated unmarked: {words:?}");
    if state == Answered {
        assert!(words.iter().any(|text| text.contains("before tomorrow morning")), "{case:?}: {words:?}");
    }
    // One message; besides it stands at most what grew before the kill, or what may have been it.
    let spare = case.in_doubt() || case.said == QUESTION;
    assert!(words.len() <= 1 + usize::from(spare), "{case:?}: {words:?}");
}

#[test]
fn after_a_kill_at_any_boundary_a_message_has_one_end_and_is_answered_once() {
    let every = std::env::var("WAKEMAN_CRASH_MATRIX").is_ok_and(|value| value == "all");
    let sample = || all().into_iter().filter(|case| !case.in_doubt()).step_by(EVERY);
    let cases: Vec<Case> = if every { all() } else { sample().collect() };
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if std::panic::catch_unwind(|| run(case)).is_err() {
                        failures.lock().unwrap().push(case.clone());
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("chats, killed at every boundary: {} cases run, {} failed", cases.len(), failures.len());
    assert!(failures.is_empty(), "{failures:#?}");
}
