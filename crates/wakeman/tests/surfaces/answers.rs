//! The daemon's own adapters: who is answered, and what a kill between two messages loses.

use serde_json::json;

use super::room::{Discord, Platform, Room, Telegram};
use crate::asking::wait;

fn an_operator_is_answered_and_a_stranger_gets_one_polite_line(platform: Platform) -> Room {
    let room = Room::open(platform);
    let (ada, stranger) = (platform.ada(), platform.stranger());
    let running = room.daemon();
    room.say(ada, "/whoami");
    let told = room.until(ada, 1);
    assert!(told[0].contains("ada") && told[0].contains("owner"), "{told:?}");
    room.say(stranger, "/approve P-1");
    room.say(stranger, "/status");
    room.until(stranger, 1);
    room.say(ada, "/nonsense");
    room.until(ada, 2);
    assert_eq!(room.said(stranger).len(), 1, "then silence");
    if platform == Discord {
        let typed = json!({"do": "command", "user": ada, "channel": "dm", "name": "mode", "options": {}});
        wait(room.lab.client().discord(&typed)).unwrap();
        assert!(room.until(ada, 4).iter().any(|text| text.contains("propose")));
    }
    assert_eq!(running.stop(), Some(0));
    room
}

#[test]
fn an_operator_is_answered_in_telegram_and_a_stranger_gets_one_polite_line() {
    let room = an_operator_is_answered_and_a_stranger_gets_one_polite_line(Telegram);
    assert!(room.shown(Telegram.ada()).iter().all(|message| !message["entities"].to_string().contains("mention")));
}

#[test]
fn an_operator_is_answered_on_discord_and_a_stranger_gets_one_polite_line() {
    an_operator_is_answered_and_a_stranger_gets_one_polite_line(Discord);
}

#[test]
fn killed_between_messages_the_daemon_answers_each_once() {
    for platform in [Telegram, Discord] {
        let (room, ada) = (Room::open(platform), platform.ada());
        for round in 0..2 {
            let running = room.daemon();
            room.say(ada, "/whoami");
            room.until(ada, 2 * round + 1);
            // Between messages: what a kill amid one comes to is `kills`, and costs the time of a lease.
            room.settled();
            // Dropped: SIGKILL. What is said now waits at the platform.
            drop(running);
            room.say(ada, "/mode");
            let running = room.daemon();
            room.until(ada, 2 * round + 2);
            room.settled();
            drop(running);
        }
        let told = room.said(ada);
        assert_eq!(told.len(), 4, "{told:?}");
        let whoami = format!("{}:{ada}", platform.name());
        assert!(told.iter().step_by(2).all(|text| text.contains(&whoami)), "in their order: {told:?}");
    }
}
