//! An adapter in a process of its own, on the daemon's socket.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::room::{Discord, Platform, Room, Telegram};
use crate::daemon::{Process, said};

/// The daemon, which leaves the platform to another process.
fn daemon(room: &Room) -> Process {
    room.home.daemon_with(&["--apart", room.platform.name()]).0
}

/// That process, once it has found the daemon, or waits for it.
fn frontend(room: &Room, until: &str) -> Process {
    let mut command = room.home.command(&["frontend", room.platform.name()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let process = Process(child);
    assert!(lines.any(|line| line.unwrap().starts_with(until)), "it ended before it said \"{until}\"");
    // Whoever writes to a pipe that nobody reads would end.
    std::thread::spawn(move || lines.for_each(drop));
    process
}

fn served_apart(platform: Platform) {
    let (room, ada) = (Room::open(platform), platform.ada());
    let waiting = frontend(&room, "no daemon runs");
    assert_eq!(waiting.stop(), Some(0));
    let running = daemon(&room);
    let adapter = frontend(&room, "serving");
    room.connected();
    room.say(ada, "/whoami");
    assert!(room.until(ada, 1)[0].contains("ada"));
    // One adapter for a channel, wherever it runs.
    let second = room.home.run(&["frontend", platform.name()]);
    assert_eq!(second.status.code(), Some(1), "{}", said(&second));
    assert!(said(&second).contains("is served by another process"), "{}", said(&second));
    // The daemon is killed and comes back: the adapter goes on by itself.
    drop(running);
    let in_one = room.home.run(&["run", "--listen", "127.0.0.1:0"]);
    assert_eq!(in_one.status.code(), Some(2), "{}", said(&in_one));
    room.say(ada, "/mode");
    let running = daemon(&room);
    assert!(room.until(ada, 2)[1].contains("propose"));
    // And the other way round.
    drop(adapter);
    room.say(ada, "/whoami");
    let adapter = frontend(&room, "serving");
    assert_eq!(room.until(ada, 3).len(), 3);
    assert_eq!(adapter.stop(), Some(0));
    assert_eq!(running.stop(), Some(0));
    assert_eq!(room.said(ada).len(), 3);
}

#[test]
fn beside_a_daemon_that_leaves_it_nothing_an_adapter_ends_with_what_to_start() {
    let room = Room::open(Telegram);
    let (running, _) = room.home.daemon_with(&["--frontends", "api"]);
    let ended = room.home.run(&["frontend", "telegram"]);
    assert_eq!(ended.status.code(), Some(2), "{}", said(&ended));
    assert!(said(&ended).contains("start it with `wakeman run --apart telegram`"), "{}", said(&ended));
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_process_of_its_own_serves_telegram_and_outlives_the_daemon() {
    served_apart(Telegram);
}

#[test]
fn a_process_of_its_own_serves_discord_and_outlives_the_daemon() {
    served_apart(Discord);
}
