//! What every database behind the store must do. A second one implements [`Harness`] and passes unchanged.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wakeman_store::{Commit, JournalEvent, OutboxRow, Store};
use wakeman_types::{Entity, Timestamp};

pub mod commits;
pub mod journal;
pub mod leases;
pub mod outbox;
pub mod reads;

/// Gives the suite fresh, empty stores of one database.
pub trait Harness: Sized {
    /// A database of its own.
    async fn fresh() -> Self;
    /// Opens it; may be called again after a close.
    async fn open(&self) -> Store;
    /// Changes the journal behind the store's back.
    async fn tamper(&self, store: &Store, how: Tamper);
}

/// An attacker's edit of the journal, by seq.
#[derive(Debug, Clone, Copy)]
pub enum Tamper {
    /// Sets one field to another value of its type.
    Edit(u64, Field),
    /// Removes the entry.
    Delete(u64),
    /// Exchanges the places of two entries.
    Swap(u64, u64),
}

/// A stored field of a journal entry.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    At,
    Type,
    Actor,
    Subject,
    PayloadDigest,
    PreviousLink,
    Link,
    Payload,
    Salt,
    /// The payload alone is removed, the salt left.
    PayloadGone,
}

impl Field {
    pub const ALL: [Self; 10] = [
        Self::At,
        Self::Type,
        Self::Actor,
        Self::Subject,
        Self::PayloadDigest,
        Self::PreviousLink,
        Self::Link,
        Self::Payload,
        Self::Salt,
        Self::PayloadGone,
    ];
}

/// An entity with every column in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub id: String,
    pub state: String,
    pub parent: Option<String>,
    pub sort_key: i64,
    pub key: Option<String>,
    pub count: u64,
}

impl Note {
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), state: "open".into(), parent: None, sort_key: 0, key: None, count: 0 }
    }
}

impl Entity for Note {
    const KIND: &'static str = "note";
    fn entity_id(&self) -> String {
        self.id.clone()
    }
    fn state_name(&self) -> &str {
        &self.state
    }
    fn parent_id(&self) -> Option<String> {
        self.parent.clone()
    }
    fn sort_key(&self) -> i64 {
        self.sort_key
    }
    fn unique_key(&self) -> Option<String> {
        self.key.clone()
    }
}

/// Another kind, to show that kinds do not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    pub id: String,
}

impl Entity for Other {
    const KIND: &'static str = "other";
    fn entity_id(&self) -> String {
        self.id.clone()
    }
    fn sort_key(&self) -> i64 {
        0
    }
}

/// A double, which JSON text can lose a bit of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub id: u64,
    pub value: f64,
}

impl Entity for Ratio {
    const KIND: &'static str = "ratio";
    fn entity_id(&self) -> String {
        self.id.to_string()
    }
    fn sort_key(&self) -> i64 {
        0
    }
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

pub fn event(subject: &str, payload: Value) -> JournalEvent {
    JournalEvent {
        event_type: "note.changed".into(),
        actor: "ada".into(),
        subject: subject.into(),
        payload,
        salt: [7; 16],
    }
}

pub fn message(id: &str, chat: &str) -> OutboxRow {
    OutboxRow {
        id: id.into(),
        channel: "telegram".into(),
        chat: chat.into(),
        body: json!({"text": id}),
        not_before: at(0),
    }
}

/// Commits and insists that it landed.
pub async fn land(store: &Store, commit: Commit) -> u64 {
    match store.commit(commit).await.unwrap() {
        wakeman_store::Committed::Seq(seq) => seq.0,
        wakeman_store::Committed::Conflict(conflict) => panic!("{conflict}"),
    }
}

/// Commits and insists that it conflicts.
pub async fn refused(store: &Store, commit: Commit) -> wakeman_store::Conflict {
    match store.commit(commit).await.unwrap() {
        wakeman_store::Committed::Seq(seq) => panic!("landed at {seq}"),
        wakeman_store::Committed::Conflict(conflict) => conflict,
    }
}

/// One test per clause of the contract, on the database that `$harness` opens.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $harness:ty) => {
        mod $name {
            $crate::store_contract!(@clauses $harness,
                commits: stale_versions_conflict, absent_means_absent, a_conflict_writes_nothing, everything_lands_together,
                    unique_keys_hold, unique_keys_move, deletes_make_room, batches_isolate_their_members,
                    sixteen_writers_lose_no_update, numbers_are_given_out_once, data_survive_reopening, a_closed_store_says_so,
                    the_feed_follows_and_reports_lag, oversized_bodies_are_refused;
                reads: pages_cover_everything_once, filters_select, kinds_do_not_meet, counts_count, purge_respects_its_bounds, numbers_survive_to_the_last_bit;
                outbox: a_chat_is_served_in_order, chats_are_independent, a_lapsed_claim_is_in_doubt,
                    claims_of_who_is_gone_lapse_at_once, outcomes_settle_messages, an_outage_costs_no_try, only_the_newest_claim_confirms,
                    revoked_and_requeued, not_before_is_honoured, long_queues_do_not_hide_other_chats;
                leases: a_lease_has_one_holder, epochs_only_grow, a_stale_fence_changes_nothing;
                journal: the_chain_is_as_specified, entries_page, every_tampering_is_found, erased_entries_still_verify,
                    verification_resumes, an_exported_chain_verifies);
        }
    };
    (@clauses $harness:ty, $($area:ident: $($clause:ident),+);+) => {
        $($(
            #[tokio::test]
            async fn $clause() {
                $crate::contract::$area::$clause::<$harness>().await;
            }
        )+)+
    };
}
