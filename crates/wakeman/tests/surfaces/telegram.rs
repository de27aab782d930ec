//! Telegram: the daemon's own adapter against the lab's Bot API.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::asking::{Lab, at_home, wait};
use crate::daemon::{Home, Process};

const ADA: i64 = 42;
const STRANGER: i64 = 43;

/// An instance with one operator in Telegram.
fn at_telegram() -> (Home, Lab) {
    let (mut home, lab) = at_home("bad-merge");
    home.env.push(("TELEGRAM_API_URL".to_owned(), lab.service("telegram")));
    home.env.push(("TELEGRAM_BOT_TOKEN".to_owned(), "77:canary_telegram".to_owned()));
    let settings = json!({
        "posthog": {"events": ["signed_up"], "rateShare": 1.0}, "github": {"repository": "acme/app"},
        "operators": [{"id": "ada", "role": "owner", "principals": [format!("telegram:{ADA}")]}],
        "monitor": {"intervalMs": 60_000},
    });
    home.write("read-only/settings.json", &settings.to_string());
    wait(lab.client().telegram("config", &json!({"limits": false}))).unwrap();
    (home, lab)
}

fn daemon(home: &Home) -> Process {
    home.daemon().0
}

fn say(lab: &Lab, user: i64, text: &str) {
    wait(lab.client().telegram("say", &json!({"user": user, "text": text}))).unwrap();
}

/// What the bot said in a chat.
fn seen(lab: &Lab, chat: i64) -> Vec<Value> {
    let Ok(chat) = wait(lab.client().telegram_chat(chat)) else { return Vec::new() };
    chat["messages"].as_array().unwrap().iter().filter(|message| message["from"] == "bot").cloned().collect()
}

/// Looks until the bot has said so much in a chat.
fn until(lab: &Lab, chat: i64, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let texts: Vec<String> =
            seen(lab, chat).iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
        if texts.len() >= count {
            return texts;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "only {texts:?}");
        std::thread::yield_now();
    }
}

#[test]
fn an_operator_is_answered_in_telegram_and_a_stranger_gets_one_polite_line() {
    let (home, lab) = at_telegram();
    let running = daemon(&home);
    say(&lab, ADA, "/whoami");
    let told = until(&lab, ADA, 1);
    assert!(told[0].contains("ada") && told[0].contains("owner"), "{told:?}");
    say(&lab, STRANGER, "/approve P-1");
    say(&lab, STRANGER, "/status");
    until(&lab, STRANGER, 1);
    say(&lab, ADA, "/nonsense");
    until(&lab, ADA, 2);
    assert_eq!(seen(&lab, STRANGER).len(), 1, "then silence");
    assert!(seen(&lab, ADA).iter().all(|message| message["entities"].to_string().find("mention").is_none()));
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn killed_between_messages_the_daemon_answers_each_once() {
    let (home, lab) = at_telegram();
    for round in 0..3 {
        let running = daemon(&home);
        say(&lab, ADA, "/whoami");
        until(&lab, ADA, 2 * round + 1);
        // By then the answer is confirmed; what a kill before that leaves in doubt is told in the adapter's own tests.
        home.json(&["status"]);
        home.json(&["status"]);
        // Dropped: SIGKILL. What is said now waits at Telegram.
        drop(running);
        say(&lab, ADA, "/mode");
        let running = daemon(&home);
        until(&lab, ADA, 2 * round + 2);
        home.json(&["status"]);
        home.json(&["status"]);
        drop(running);
    }
    let told = until(&lab, ADA, 6);
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told.iter().step_by(2).all(|text| text.contains("telegram:42")), "in their order: {told:?}");
}
