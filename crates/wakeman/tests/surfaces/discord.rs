//! Discord: the daemon's own adapter against the lab's Discord.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::asking::{Lab, at_home, wait};
use crate::daemon::{Home, Process};

const ADA: &str = "4001";
const STRANGER: &str = "4002";

/// An instance with one operator on Discord.
fn at_discord() -> (Home, Lab) {
    let (mut home, lab) = at_home("bad-merge");
    home.env.push(("DISCORD_API_URL".to_owned(), lab.service("discord")));
    home.env.push(("DISCORD_BOT_TOKEN".to_owned(), "canary.discord.token".to_owned()));
    let settings = json!({
        "posthog": {"events": ["signed_up"], "rateShare": 1.0}, "github": {"repository": "acme/app"},
        "operators": [{"id": "ada", "role": "owner", "principals": [format!("discord:{ADA}")]}],
        "monitor": {"intervalMs": 60_000},
    });
    home.write("read-only/settings.json", &settings.to_string());
    play(&lab, &json!({"do": "limits", "messages": 50, "seconds": 0.5}));
    (home, lab)
}

/// The daemon, connected: Discord keeps nothing for a bot that never met a person.
fn daemon(home: &Home) -> Process {
    let (process, _) = home.daemon();
    let begun = Instant::now();
    loop {
        let status = home.json(&["status"]);
        let discord = status["components"].as_array().unwrap().iter().find(|one| one["name"] == "discord");
        if discord.is_some_and(|discord| discord["ok"] == true && !discord["last_success"].is_null()) {
            return process;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{status}");
    }
}

fn play(lab: &Lab, deed: &Value) {
    wait(lab.client().discord(deed)).unwrap();
}

fn say(lab: &Lab, user: &str, text: &str) {
    play(lab, &json!({"do": "say", "user": user, "channel": "dm", "text": text}));
}

/// What the bot said to a person.
fn seen(lab: &Lab, user: &str) -> Vec<String> {
    let Ok(room) = wait(lab.client().discord_channel(&format!("dm:{user}"))) else { return Vec::new() };
    let bot = |message: &&Value| message["author"] != user;
    let all = room["messages"].as_array().unwrap().iter().filter(bot);
    all.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

/// Looks until the bot has said so much to a person.
fn until(lab: &Lab, user: &str, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let texts = seen(lab, user);
        if texts.len() >= count {
            return texts;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "only {texts:?}");
        std::thread::yield_now();
    }
}

#[test]
fn an_operator_is_answered_on_discord_and_a_stranger_gets_one_polite_line() {
    let (home, lab) = at_discord();
    let running = daemon(&home);
    say(&lab, ADA, "whoami");
    let told = until(&lab, ADA, 1);
    assert!(told[0].contains("ada") && told[0].contains("owner"), "{told:?}");
    say(&lab, STRANGER, "approve P-1");
    say(&lab, STRANGER, "status");
    until(&lab, STRANGER, 1);
    play(&lab, &json!({"do": "command", "user": ADA, "channel": "dm", "name": "mode", "options": {}}));
    let told = until(&lab, ADA, 3);
    assert!(told.iter().any(|text| text.contains("propose")), "{told:?}");
    assert_eq!(seen(&lab, STRANGER).len(), 1, "then silence");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn killed_between_messages_the_daemon_answers_each_once_on_discord() {
    let (home, lab) = at_discord();
    for round in 0..1 {
        let running = daemon(&home);
        say(&lab, ADA, "whoami");
        until(&lab, ADA, 2 * round + 1);
        // Dropped: SIGKILL. What is said now waits at Discord.
        drop(running);
        say(&lab, ADA, "mode");
        let running = daemon(&home);
        until(&lab, ADA, 2 * round + 2);
        drop(running);
    }
    let running = daemon(&home);
    say(&lab, ADA, "whoami");
    let told = until(&lab, ADA, 3);
    // The nonce makes a message whose sending was in doubt the same message.
    assert_eq!(told.len(), 3, "{told:?}");
    drop(running);
}
