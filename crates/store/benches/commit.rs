//! What the store costs: durable commits a second with 16 writers waiting, beside the same work done one transaction at a
//! time; latency of a lone durable commit; read latency with 100,000 rows of each of three kinds; journal verification.
//!
//! `cargo bench -p wakeman-store --bench commit` prints one line per figure.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use wakeman_store::{
    Commit, Cursor, FIRST_PREVIOUS_LINK, JournalEvent, LANE, ListQuery, Options, Order, OutboxRow, Seq, Store, Verdict,
};
use wakeman_types::{Entity, Timestamp};

const WRITERS: usize = 16;
const COMMITS: usize = 24_000;
const ROWS: usize = 100_000;
const STATES: [&str; 4] = ["open", "acknowledged", "snoozed", "resolved"];

macro_rules! kind {
    ($name:ident, $kind:literal) => {
        #[derive(Clone, Serialize, Deserialize)]
        struct $name {
            n: usize,
            text: String,
        }
        impl Entity for $name {
            const KIND: &'static str = $kind;
            fn entity_id(&self) -> String {
                format!("{}-{}", $kind, self.n)
            }
            fn state_name(&self) -> &str {
                // One in ten thousand is open, as in a real instance; the rest is history.
                if self.n % 10_000 == 0 { STATES[0] } else { STATES[1 + self.n % 3] }
            }
            fn parent_id(&self) -> Option<String> {
                Some(format!("parent-{}", self.n % 500))
            }
            fn sort_key(&self) -> i64 {
                self.n as i64
            }
        }
        impl $name {
            fn nth(n: usize) -> Self {
                Self { n, text: "x".repeat(600) }
            }
        }
    };
}
kind!(Finding, "finding");
kind!(Thread, "thread");
kind!(Proposal, "proposal");

fn one_of_each(n: usize) -> Commit {
    let id = format!("finding-{n}");
    Commit::durable(Timestamp::from_ms(n as i64))
        .insert(&Finding::nth(n))
        .event(JournalEvent {
            event_type: "finding.opened".into(),
            actor: "watch".into(),
            subject: id.clone(),
            payload: json!({"metric": "Sign-ups", "expected": 96.0, "observed": 41, "n": n}),
            salt: [n as u8; 16],
        })
        .send(OutboxRow {
            id: format!("message-{n}"),
            channel: "telegram".into(),
            chat: format!("{}", n % 10),
            body: json!({"view": "finding", "id": id}),
            not_before: Timestamp::from_ms(0),
        })
}

async fn waiting_writers(store: &Store) {
    let start = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (writer..COMMITS).step_by(WRITERS) {
                assert!(store.commit(one_of_each(n)).await.unwrap().landed());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    rate("durable commits, 16 writers (row + event + message)", COMMITS, start.elapsed());
}

/// The peer: the same three inserts through sqlx, a transaction and an fsync each.
async fn one_at_a_time(path: &Path) {
    const COMMITS: usize = 2000;
    let options = SqliteConnectOptions::new().filename(path).pragma("synchronous", "FULL").disable_statement_logging();
    let mut conn = options.connect().await.unwrap();
    let start = Instant::now();
    for n in 0..COMMITS {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let sql = "INSERT INTO entities (kind, id, version, state, parent, sort_key, updated_ms, body)
            VALUES ('peer', $1, 1, 'open', 'p', $2, 0, $3)";
        sqlx::query(sql).bind(n.to_string()).bind(n as i64).bind("x".repeat(600)).execute(&mut *tx).await.unwrap();
        let sql =
            "INSERT INTO journal (lane, seq, at_ms, type, actor, subject, payload_digest, previous_link, link, payload)
            VALUES (9, $1, 0, 't', 'a', 's', zeroblob(32), zeroblob(32), zeroblob(32), $2)";
        sqlx::query(sql).bind(n as i64).bind("x".repeat(80)).execute(&mut *tx).await.unwrap();
        let sql = "INSERT INTO outbox (id, channel, chat, state, is_open, attempts, in_doubt, not_before_ms, lease_epoch,
            lease_until_ms, created_ms, updated_ms, body) VALUES ($1, 'peer', 'c', 'pending', 1, 0, 0, 0, 0, 0, 0, 0, $2)";
        sqlx::query(sql).bind(format!("peer{n}")).bind("x".repeat(60)).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    rate("the same, one transaction each (bare sqlx, FULL)", COMMITS, start.elapsed());
    conn.close().await.unwrap();
}

async fn lone_commits(store: &Store) {
    let mut took = Vec::new();
    for n in COMMITS..COMMITS + 1000 {
        let start = Instant::now();
        assert!(store.commit(one_of_each(n)).await.unwrap().landed());
        took.push(start.elapsed());
    }
    spread("one durable commit, nobody else waiting", took);
}

async fn fill<E: Entity>(store: &Store, nth: impl Fn(usize) -> E) {
    for chunk in 0..ROWS / 1000 {
        let rows = (chunk * 1000..(chunk + 1) * 1000).map(&nth);
        let commit = rows.fold(Commit::new(Timestamp::from_ms(0)), |commit, row| commit.put(&row));
        assert!(store.commit(commit).await.unwrap().landed());
    }
}

async fn reads(store: &Store) {
    let start = Instant::now();
    fill(store, Finding::nth).await;
    fill(store, Thread::nth).await;
    fill(store, Proposal::nth).await;
    rate("rows written in commits of 1,000", 3 * ROWS, start.elapsed());
    let page = |query: ListQuery| async move { drop(store.list::<Finding>(&query).await.unwrap()) };
    let middle = store.list::<Finding>(&ListQuery::newest(1).until(ROWS as i64 / 2)).await.unwrap();
    let middle: Cursor = format!("{}", middle.next.unwrap()).parse().unwrap();
    let middle = &middle;
    timed("get by id", |n| async move { drop(store.get::<Proposal>(&format!("proposal-{}", n * 97)).await) }).await;
    timed("page of 50, newest", |_| page(ListQuery::newest(50))).await;
    timed("page of 50, oldest", |_| page(ListQuery { order: Order::Oldest, ..ListQuery::newest(50) })).await;
    timed("page of 50 from the middle", |_| page(ListQuery::newest(50).after(Some(middle.clone())))).await;
    timed("page of 50 in a rare state", |_| page(ListQuery::newest(50).state("open"))).await;
    timed("page of 50 in three states", |_| {
        page(ListQuery::newest(50).state("open").state("snoozed").state("resolved"))
    })
    .await;
    timed("page of 50 of one parent", |n| page(ListQuery::newest(50).parent(format!("parent-{}", n % 500)))).await;
    timed("count in a rare state", |_| async move { drop(store.count::<Thread>(Some("open")).await) }).await;
    timed("count in a common state", |_| async move { drop(store.count::<Thread>(Some("snoozed")).await) }).await;
    timed("count of all", |_| async move { drop(store.count::<Thread>(None).await) }).await;
    let now = Timestamp::from_ms(i64::MAX / 2);
    timed("claim of 10 among 25,000 waiting", |_| async move {
        drop(store.claim("telegram", "bench", -1, now, 10).await.unwrap());
    })
    .await;
}

async fn timed<F: Future<Output = ()>>(what: &str, run: impl Fn(usize) -> F) {
    let mut took = Vec::new();
    for n in 0..500 {
        let start = Instant::now();
        run(n).await;
        took.push(start.elapsed());
    }
    spread(what, took);
}

async fn verify(store: &Store) {
    let start = Instant::now();
    let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    let Verdict::Verified { entries, .. } = verdict else { panic!("{verdict:?}") };
    rate("journal entries verified", entries as usize, start.elapsed());
}

fn rate(what: &str, count: usize, took: Duration) {
    println!("{what:<58} {:>10.0} /s", count as f64 / took.as_secs_f64());
}

fn spread(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what:<58} {:>10.3} ms p50 {:>9.3} ms p99 {:>9.3} ms max", ms(0.5), ms(0.99), ms(1.0));
}

fn resident(what: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: unknown");
    println!("{what:<58} {line}");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wakeman.db");
    resident("before opening");
    let start = Instant::now();
    let store = Store::open(&path, Options::default()).await.unwrap();
    println!("{:<58} {:>10.3} ms", "open (new file)", start.elapsed().as_secs_f64() * 1e3);
    resident("after opening");
    waiting_writers(&store).await;
    lone_commits(&store).await;
    verify(&store).await;
    resident("after writing");
    reads(&store).await;
    resident("after reading");
    store.close().await;
    let start = Instant::now();
    let store = Store::open(&path, Options::default()).await.unwrap();
    println!("{:<58} {:>10.3} ms", "open (325,000 rows)", start.elapsed().as_secs_f64() * 1e3);
    store.close().await;
    one_at_a_time(&path).await;
}
