//! kill -9 in the middle of writing: what was answered is there, no commit is there by halves, the chain holds.
//!
//! The test runs itself again as a child process that writes until it is killed, and prints each commit it had answered.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;
use wakeman_store::{Commit, FIRST_PREVIOUS_LINK, LANE, Options, Seq, Store, Verdict};

use super::TempSqlite;
use crate::contract::{Harness, Note, at, event, land, message};

const CHILD: &str = "WAKEMAN_STORE_CRASH_CHILD";
const WRITERS: u64 = 8;

/// Two rows, an event, a message and a checkpoint, all of which name `n`.
fn commit(writer: u64, n: u64) -> Commit {
    let id = format!("{writer}-{n}");
    Commit::durable(at(1))
        .insert(&Note::new(&format!("a{id}")))
        .insert(&Note::new(&format!("b{id}")))
        .event(event(&id, json!({"n": n})))
        .send(message(&id, "chat"))
        .checkpoint(format!("writer-{writer}"), json!(n))
}

/// The child's part; does nothing in an ordinary run.
#[test]
fn crash_child_writes_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(Path::new(&path), Options::default()).await.unwrap();
        let start = store.next_number("run").await.unwrap() * 1_000_000;
        let writers = (0..WRITERS).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in start.. {
                    land(&store, commit(writer, n)).await;
                    println!("answered {writer} {n}");
                }
            })
        });
        futures::future::join_all(writers.collect::<Vec<_>>()).await;
    });
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let harness = TempSqlite::fresh().await;
    for kill_after in [1, 40, 150] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "sqlite::crash::crash_child_writes_until_killed"])
            .env(CHILD, harness.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut answered = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            // A line that the kill cut off does not parse; it counts as unanswered.
            answered.extend(parse(&line.unwrap()));
            if answered.len() == kill_after {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered.len() >= kill_after);
        check(&harness, &answered).await;
    }
}

fn parse(line: &str) -> Option<(u64, u64)> {
    let (writer, n) = line.split_once("answered ")?.1.split_once(' ')?;
    Some((writer.parse().ok()?, n.parse().ok()?))
}

async fn check(harness: &TempSqlite, answered: &[(u64, u64)]) {
    let store = harness.open().await;
    for (writer, n) in answered {
        let found = store.get::<Note>(&format!("a{writer}-{n}")).await.unwrap();
        assert!(found.is_some(), "{writer}-{n} was answered and is gone");
    }
    let head = store.journal_head(LANE).await.unwrap();
    let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(&verdict, Verdict::Verified { entries, .. } if *entries == head.seq.0), "{verdict:?}");
    // Every journalled commit has its rows, message and checkpoint, and no others are there.
    assert_eq!(store.count::<Note>(None).await.unwrap(), head.seq.0 * 2);
    let mut next = Seq(1);
    loop {
        let entries = store.journal(LANE, next, 1000).await.unwrap();
        for entry in &entries {
            for id in [format!("a{}", entry.subject), format!("b{}", entry.subject)] {
                assert!(store.get::<Note>(&id).await.unwrap().is_some(), "{id}");
            }
            assert!(store.outbox_item(&entry.subject).await.unwrap().is_some(), "{}", entry.subject);
        }
        let Some(last) = entries.last() else { break };
        next = Seq(last.seq.0 + 1);
    }
    for writer in 0..WRITERS {
        if let Some((_, last)) = answered.iter().rev().find(|(w, _)| *w == writer) {
            let position = store.checkpoint(&format!("writer-{writer}")).await.unwrap().unwrap();
            assert!(position.as_u64().unwrap() >= *last);
        }
    }
    store.close().await;
}
