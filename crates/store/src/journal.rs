//! The append-only record of every state change, and the arithmetic of its hash chain.
//!
//! Each entry's link covers the one before it, so an edit, a deletion or a reordering shows. It covers a salted digest of
//! the payload, not the payload: payload and salt can be erased and the chain still holds.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wakeman_types::Timestamp;

use crate::{canonical::to_canonical_json, commit::Seq};

/// The lane that SQLite's one writer journals in.
pub const LANE: u64 = 1;

/// What a lane's first entry has for a previous link.
pub const FIRST_PREVIOUS_LINK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// 32 bytes of SHA-256.
pub(crate) type Hash = [u8; 32];

/// Something that happened, to be journalled by a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEvent {
    /// What happened: `"proposal.approved"`.
    pub event_type: String,
    /// Who did it: an operator, a principal or a part of the system. Kept even when the payload is erased.
    pub actor: String,
    /// What it happened to: a finding, a proposal. Kept even when the payload is erased.
    pub subject: String,
    /// The rest, erasable. Integers beyond 2^53 belong in strings (RFC 8785).
    pub payload: Value,
    /// Random bytes that keep an erased payload from being guessed; the caller's, so that runs can be replayed.
    pub salt: [u8; 16],
}

/// One entry as stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JournalEntry {
    /// The writer's lane.
    pub lane: u64,
    /// The place in the lane; the first is 1 and none is left out.
    pub seq: Seq,
    /// When, by the committer's clock.
    #[serde(rename = "at_ms")]
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Who did it.
    pub actor: String,
    /// What it happened to.
    pub subject: String,
    /// Hex digest over salt and canonical payload.
    pub payload_digest: String,
    /// The link of the entry before, 64 zeros for the first.
    pub previous_link: String,
    /// Hex digest over all of the above.
    pub link: String,
    /// The payload; `None` once erased.
    pub payload: Option<Value>,
    /// The salt, base64 in JSON; `None` once erased.
    #[serde(serialize_with = "base64_salt")]
    pub salt: Option<[u8; 16]>,
}

fn base64_salt<S: Serializer>(salt: &Option<[u8; 16]>, serializer: S) -> Result<S::Ok, S::Error> {
    salt.map(|s| STANDARD.encode(s)).serialize(serializer)
}

/// Where a lane stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalHead {
    /// The lane.
    pub lane: u64,
    /// The newest entry; 0 while the lane is empty.
    pub seq: Seq,
    /// Its link, 64 zeros while the lane is empty.
    pub link: String,
}

/// Whose payloads to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erase {
    /// All about this subject.
    Subject(String),
    /// These entries.
    Seqs(Vec<Seq>),
    /// All older than this.
    Before(Timestamp),
}

/// The first entry that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("journal entry {seq} {why}")]
pub struct BadEntry {
    /// Its place.
    pub seq: Seq,
    /// What is wrong with it.
    pub why: String,
}

/// What verifying a lane found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every entry holds.
    Verified {
        /// How many were checked.
        entries: u64,
        /// How many of them are erased.
        erased: u64,
        /// The last of them.
        head: JournalHead,
    },
    /// The chain holds up to here and not further.
    FirstBad(BadEntry),
}

/// An entry's fields as bytes, borrowed from wherever they are.
pub(crate) struct RawEntry<'a> {
    pub seq: u64,
    pub at_ms: i64,
    pub event_type: &'a str,
    pub actor: &'a str,
    pub subject: &'a str,
    pub payload_digest: &'a [u8],
    pub previous_link: &'a [u8],
    pub link: &'a [u8],
    pub payload: Option<&'a str>,
    pub salt: Option<&'a [u8]>,
}

/// SHA-256 over the salt and then the canonical payload.
pub(crate) fn payload_digest(salt: &[u8], canonical_payload: &str) -> Hash {
    Sha256::new().chain_update(salt).chain_update(canonical_payload).finalize().into()
}

/// The link of an entry: SHA-256 over the canonical JSON of its fields, in `text` as scratch space.
pub(crate) fn link_of(lane: u64, entry: &RawEntry<'_>, text: &mut Vec<u8>) -> Hash {
    text.clear();
    // The keys in canonical order; serde_json escapes strings as RFC 8785 wants them (`links_are_over_canonical_json`).
    text.extend_from_slice(b"{\"actor\":");
    push_string(text, entry.actor);
    text.extend_from_slice(b",\"at_ms\":");
    push_integer(text, entry.at_ms.into());
    text.extend_from_slice(b",\"lane\":");
    push_integer(text, lane.into());
    text.extend_from_slice(b",\"payload_digest\":\"");
    push_hex(text, entry.payload_digest);
    text.extend_from_slice(b"\",\"previous_link\":\"");
    push_hex(text, entry.previous_link);
    text.extend_from_slice(b"\",\"seq\":");
    push_integer(text, entry.seq.into());
    text.extend_from_slice(b",\"subject\":");
    push_string(text, entry.subject);
    text.extend_from_slice(b",\"type\":");
    push_string(text, entry.event_type);
    text.extend_from_slice(b",\"v\":1}");
    Sha256::digest(&text).into()
}

fn push_string(text: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(text, value).expect("invariant: a string is JSON and a Vec takes it");
}

fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn push_integer(text: &mut Vec<u8>, value: i128) {
    use std::io::Write;
    /// Up to here a double holds every integer, and canonical JSON writes it plainly.
    const EXACT: u128 = 1 << 53;
    let written = if value.unsigned_abs() <= EXACT {
        write!(text, "{value}")
    } else {
        text.write_all(to_canonical_json(&Value::from(value as f64)).as_bytes())
    };
    written.expect("invariant: a Vec takes what is written to it");
}

/// Checks a lane entry by entry, in order. For entries read back from an export as well as from the store.
#[derive(Debug, Clone)]
pub struct ChainVerifier {
    lane: u64,
    next: u64,
    previous: Vec<u8>,
    entries: u64,
    erased: u64,
    text: Vec<u8>,
}

impl ChainVerifier {
    /// Expects `from` next, after an entry with `previous_link` (64 hex digits; [`FIRST_PREVIOUS_LINK`] for the first).
    /// # Errors
    /// [`BadEntry`] if `previous_link` is not a link.
    pub fn new(lane: u64, from: Seq, previous_link: &str) -> Result<Self, BadEntry> {
        let previous =
            hex::decode(previous_link).ok().filter(|bytes| bytes.len() == size_of::<Hash>()).ok_or_else(|| {
                BadEntry { seq: from, why: "cannot be checked: the previous link is not 64 hex digits".into() }
            })?;
        Ok(Self { lane, next: from.0.max(1), previous, entries: 0, erased: 0, text: Vec::with_capacity(512) })
    }

    /// Checks the next entry.
    /// # Errors
    /// [`BadEntry`], and from then on nothing later can be trusted.
    pub fn push(&mut self, entry: &JournalEntry) -> Result<(), BadEntry> {
        let unhex = |field: &str| hex::decode(field).unwrap_or_default();
        if entry.lane != self.lane {
            return Err(self.bad(format!("is of lane {}", entry.lane)));
        }
        self.push_raw(&RawEntry {
            seq: entry.seq.0,
            at_ms: entry.at.ms(),
            event_type: &entry.event_type,
            actor: &entry.actor,
            subject: &entry.subject,
            payload_digest: &unhex(&entry.payload_digest),
            previous_link: &unhex(&entry.previous_link),
            link: &unhex(&entry.link),
            payload: entry.payload.as_ref().map(to_canonical_json).as_deref(),
            salt: entry.salt.as_ref().map(<[u8; 16]>::as_slice),
        })
    }

    pub(crate) fn push_raw(&mut self, entry: &RawEntry<'_>) -> Result<(), BadEntry> {
        if entry.seq != self.next {
            return Err(self.bad(format!("is missing; entry {} stands in its place", entry.seq)));
        }
        if entry.previous_link != self.previous {
            return Err(self.bad("does not follow the entry before it: its previous link differs"));
        }
        if link_of(self.lane, entry, &mut self.text) != entry.link {
            return Err(self.bad("was changed: its link does not cover its fields"));
        }
        match (entry.payload, entry.salt) {
            (None, None) => self.erased += 1,
            (Some(payload), Some(salt)) if payload_digest(salt, payload) == entry.payload_digest => {}
            (Some(_), Some(_)) => return Err(self.bad("has another payload than the one that was journalled")),
            _ => return Err(self.bad("is half erased: payload and salt go together")),
        }
        self.previous.clear();
        self.previous.extend_from_slice(entry.link);
        self.entries += 1;
        self.next += 1;
        Ok(())
    }

    pub(crate) fn bad(&self, why: impl Into<String>) -> BadEntry {
        BadEntry { seq: Seq(self.next), why: why.into() }
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next
    }

    /// The verdict over everything pushed so far.
    pub fn finish(self) -> Verdict {
        Verdict::Verified {
            entries: self.entries,
            erased: self.erased,
            head: JournalHead { lane: self.lane, seq: Seq(self.next - 1), link: hex::encode(&self.previous) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn reference(lane: u64, e: &RawEntry<'_>) -> String {
        crate::canonical::digest_of(&json!({
            "v": 1, "lane": lane, "seq": e.seq, "at_ms": e.at_ms, "type": e.event_type, "actor": e.actor,
            "subject": e.subject, "payload_digest": hex::encode(e.payload_digest),
            "previous_link": hex::encode(e.previous_link),
        }))
    }

    proptest! {
        #[test]
        fn links_are_over_canonical_json(
            lane in 1u64..5, seq: u64, at_ms: i64, event_type: String, actor: String, subject: String,
            payload_digest: [u8; 32], previous_link: [u8; 32],
        ) {
            let entry = RawEntry {
                seq, at_ms, event_type: &event_type, actor: &actor, subject: &subject, payload_digest: &payload_digest,
                previous_link: &previous_link, link: &[], payload: None, salt: None,
            };
            prop_assert_eq!(hex::encode(link_of(lane, &entry, &mut Vec::new())), reference(lane, &entry));
        }
    }

    #[test]
    fn a_payload_digest_is_salt_then_canonical_payload() {
        let salt = [7u8; 16];
        let mut bytes = salt.to_vec();
        bytes.extend_from_slice(br#"{"a":1}"#);
        assert_eq!(hex::encode(payload_digest(&salt, r#"{"a":1}"#)), crate::canonical::sha256_hex(&bytes));
    }
}
