//! What is SQLite's own: the file, damage, full disks, other processes, crashes.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use wakeman_store::{Options, Store};

use crate::contract::{Field, Harness, Tamper};

/// A database file in a directory of its own, gone with it.
pub struct TempSqlite {
    dir: TempDir,
}

impl TempSqlite {
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("wakeman.db")
    }

    /// Another process's view of the file.
    pub async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap()
    }

    async fn execute(&self, sql: String) {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.raw().await).await.unwrap();
    }
}

impl Harness for TempSqlite {
    async fn fresh() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    async fn open(&self) -> Store {
        Store::open(&self.path(), Options::default()).await.unwrap()
    }

    async fn tamper(&self, _: &Store, how: Tamper) {
        match how {
            Tamper::Edit(seq, field) => {
                let set = match field {
                    Field::At => "at_ms = at_ms + 1",
                    Field::Type => "type = type || ' '",
                    Field::Actor => "actor = 'mallory'",
                    Field::Subject => "subject = upper(subject)",
                    Field::PayloadDigest => "payload_digest = zeroblob(32)",
                    Field::PreviousLink => "previous_link = zeroblob(32)",
                    Field::Link => "link = zeroblob(32)",
                    Field::Payload => "payload = replace(payload, 'person', 'nobody')",
                    Field::Salt => "salt = zeroblob(16)",
                    Field::PayloadGone => "payload = NULL",
                };
                self.execute(format!("UPDATE journal SET {set} WHERE seq = {seq}")).await;
            }
            Tamper::Delete(seq) => self.execute(format!("DELETE FROM journal WHERE seq = {seq}")).await,
            Tamper::Swap(a, b) => {
                for (from, to) in [(a as i64, -1), (b as i64, a as i64), (-1, b as i64)] {
                    self.execute(format!("UPDATE journal SET seq = {to} WHERE seq = {from}")).await;
                }
            }
        }
    }
}

mod audit;
mod crash;
mod damage;
mod faults;
mod file;
