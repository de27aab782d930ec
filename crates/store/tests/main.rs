//! The store as its users see it: the contract suite, and what is SQLite's own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod contract;
mod model;
mod sqlite;

store_contract!(on_sqlite, crate::sqlite::TempSqlite);
