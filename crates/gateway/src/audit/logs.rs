//! The signed heads that the session logs kept, outside the database.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
};

use serde_json::Value;
use wakeman_store::SignedHead;
use wakeman_types::Timestamp;

use super::SEALED;

/// Longest line of a session log that is looked at, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The newest signed head of every session log below `sessions`. A line that cannot be read counts for nothing.
pub fn heads_in_logs(sessions: &Path) -> Vec<SignedHead> {
    let folders = fs::read_dir(sessions).into_iter().flatten().flatten();
    folders.filter_map(|folder| newest_in(&folder.path().join("system.log"))).collect()
}

fn newest_in(log: &Path) -> Option<SignedHead> {
    let file = File::open(log).ok()?;
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.filter(|line| line.len() < LINE_BYTES_MAX && line.contains(SEALED)).filter_map(|line| head_of(&line)).last()
}

fn head_of(line: &str) -> Option<SignedHead> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    if fields.get("message")?.as_str()? != SEALED {
        return None;
    }
    let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    Some(SignedHead {
        lane: fields.get("journal.lane")?.as_u64()?,
        seq: fields.get("journal.seq")?.as_u64()?,
        link: text("journal.link")?,
        at: Timestamp::from_ms(fields.get("journal.at_ms")?.as_i64()?),
        key: text("journal.key")?,
        signature: text("journal.signature")?,
    })
}
