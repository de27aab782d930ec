//! Decides a batch: which of its commits hold, and what to write for those. Pure, so that every database decides alike.
//!
//! Commits are admitted one after the other. Each sees what those before it wrote; one that conflicts leaves no trace.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    commit::{Committed, Conflict, Seq},
    journal::{Hash, LANE, RawEntry, link_of},
    outbox::OutboxState,
    prepare::{Prepared, PreparedEvent, PreparedSend, text_of},
    row::{EntityRef, Row, Version},
};

mod outbox;

pub(crate) use outbox::OutboxSlot;

/// What has to be read before a batch can be decided.
#[derive(Debug, Default)]
pub(crate) struct Needs<'a> {
    pub entities: BTreeSet<&'a EntityRef>,
    pub unique_keys: BTreeSet<(&'a str, &'a str)>,
    pub leases: BTreeSet<&'a str>,
    pub messages: BTreeSet<&'a str>,
}

impl<'a> Needs<'a> {
    pub fn of(commits: &'a [Prepared]) -> Self {
        let mut needs = Self::default();
        for commit in commits {
            needs.entities.extend(commit.expected.iter().map(|(entity, _)| entity));
            needs.entities.extend(&commit.deletes);
            needs.entities.extend(commit.rows.iter().map(Row::entity));
            needs.unique_keys.extend(commit.rows.iter().filter_map(unique_key_of));
            needs.leases.extend(commit.fence.iter().map(|fence| fence.lease.as_str()));
            needs.messages.extend(commit.sends.iter().map(|send| send.id.as_str()));
            needs.messages.extend(commit.updates.iter().map(|update| update.id()));
        }
        needs
    }
}

fn unique_key_of(row: &Row) -> Option<(&str, &str)> {
    Some((&*row.entity.kind, row.unique_key.as_deref()?))
}

/// What was read: the state before the batch.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub entities: HashMap<EntityRef, Stored>,
    /// Which id of a kind has a unique key.
    pub owners: HashMap<(String, String), String>,
    pub leases: HashMap<String, u64>,
    pub messages: HashMap<String, OutboxSlot>,
    pub head: Head,
}

/// A row as it was before the batch.
#[derive(Debug)]
pub(crate) struct Stored {
    pub version: u64,
    pub unique_key: Option<String>,
}

/// The journal's newest entry.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head {
    pub seq: u64,
    pub link: Hash,
}

/// A row to write, with the version it gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upsert<'a> {
    pub row: &'a Row,
    pub version: u64,
    pub at_ms: i64,
}

/// A journal entry to append.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub seq: u64,
    pub at_ms: i64,
    pub event: &'a PreparedEvent,
    pub previous: Hash,
    pub link: Hash,
}

/// The decision: an answer for every commit, and what the landed ones write together.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub answers: Vec<Committed>,
    pub deletes: Vec<&'a EntityRef>,
    /// Rows whose stored unique key moves; it must be cleared before the upserts, which come in any order.
    pub released_keys: Vec<&'a EntityRef>,
    pub upserts: Vec<Upsert<'a>>,
    pub entries: Vec<Entry<'a>>,
    pub sends: Vec<(&'a PreparedSend, i64)>,
    pub settles: Vec<(&'a str, OutboxSlot)>,
    pub checkpoints: BTreeMap<&'a str, (&'a str, i64)>,
}

/// Decides `commits` in their order, starting from `known`.
pub(crate) fn plan<'a>(known: &'a Known, commits: &'a [Prepared]) -> Plan<'a> {
    let mut ledger = Ledger { known, head: known.head, entries: Vec::new(), sends: Vec::new(), book: Book::default() };
    let answers = commits.iter().map(|commit| ledger.admit(commit)).collect();
    ledger.finish(answers)
}

/// A row as the batch has left it so far.
#[derive(Debug, Clone, Copy)]
enum Slot<'a> {
    Absent,
    Stored(&'a Stored),
    Put(Upsert<'a>),
}

impl<'a> Slot<'a> {
    fn version(&self) -> u64 {
        match self {
            Self::Absent => 0,
            Self::Stored(stored) => stored.version,
            Self::Put(upsert) => upsert.version,
        }
    }

    fn unique_key(&self) -> Option<&'a str> {
        match self {
            Self::Absent => None,
            Self::Stored(stored) => stored.unique_key.as_deref(),
            Self::Put(upsert) => upsert.row.unique_key.as_deref(),
        }
    }
}

/// Changes on top of what is known: the batch's so far, or one commit's before it is admitted.
#[derive(Debug, Default)]
struct Book<'a> {
    slots: BTreeMap<&'a EntityRef, Slot<'a>>,
    owners: HashMap<(&'a str, &'a str), Option<&'a str>>,
    messages: BTreeMap<&'a str, OutboxSlot>,
    checkpoints: BTreeMap<&'a str, (&'a str, i64)>,
}

struct Ledger<'a> {
    known: &'a Known,
    head: Head,
    entries: Vec<Entry<'a>>,
    sends: Vec<(&'a PreparedSend, i64)>,
    book: Book<'a>,
}

impl<'a> Ledger<'a> {
    fn admit(&mut self, commit: &'a Prepared) -> Committed {
        match self.draft(commit) {
            Err(conflict) => Committed::Conflict(conflict),
            Ok(draft) => {
                self.book.slots.extend(draft.slots);
                self.book.owners.extend(draft.owners);
                self.book.messages.extend(draft.messages);
                self.book.checkpoints.extend(draft.checkpoints);
                self.sends.extend(commit.sends.iter().map(|send| (send, commit.at_ms)));
                commit.events.iter().for_each(|event| self.append(event, commit.at_ms));
                Committed::Seq(Seq(self.head.seq))
            }
        }
    }

    /// What `commit` changes, if it holds.
    fn draft(&self, commit: &'a Prepared) -> Result<Book<'a>, Conflict> {
        self.check_fence(commit)?;
        self.check_versions(commit)?;
        let mut draft = Book::default();
        for entity in &commit.deletes {
            let slot = self.slot(&draft, entity);
            if let Some(key) = slot.unique_key() {
                draft.owners.insert((&entity.kind, key), None);
            }
            draft.slots.insert(entity, Slot::Absent);
        }
        for row in &commit.rows {
            self.put(&mut draft, row, commit.at_ms)?;
        }
        self.draft_outbox(&mut draft, commit)?;
        for (name, value) in &commit.checkpoints {
            draft.checkpoints.insert(name, (value, commit.at_ms));
        }
        Ok(draft)
    }

    fn check_fence(&self, commit: &Prepared) -> Result<(), Conflict> {
        let Some(fence) = &commit.fence else { return Ok(()) };
        let current = self.known.leases.get(&fence.lease).copied().unwrap_or(0);
        if current == fence.epoch && current != 0 {
            return Ok(());
        }
        Err(Conflict::Fence { lease: fence.lease.clone(), epoch: fence.epoch, current })
    }

    fn check_versions(&self, commit: &'a Prepared) -> Result<(), Conflict> {
        for (entity, expected) in &commit.expected {
            let found = Version(self.slot(&Book::default(), entity).version());
            if found != *expected {
                return Err(Conflict::Version { entity: entity.clone(), expected: *expected, found });
            }
        }
        Ok(())
    }

    fn put(&self, draft: &mut Book<'a>, row: &'a Row, at_ms: i64) -> Result<(), Conflict> {
        let entity = &row.entity;
        let slot = self.slot(draft, entity);
        let key = row.unique_key.as_deref();
        if let Some(key) = key
            && let Some(held_by) = self.owner(draft, &entity.kind, key)
            && held_by != entity.id
        {
            return Err(Conflict::UniqueKey { entity: entity.clone(), key: key.into(), held_by: held_by.into() });
        }
        if let Some(old) = slot.unique_key().filter(|old| Some(*old) != key) {
            draft.owners.insert((&entity.kind, old), None);
        }
        if let Some(key) = key {
            draft.owners.insert((&entity.kind, key), Some(&entity.id));
        }
        draft.slots.insert(entity, Slot::Put(Upsert { row, version: slot.version() + 1, at_ms }));
        Ok(())
    }

    fn slot(&self, draft: &Book<'a>, entity: &EntityRef) -> Slot<'a> {
        let changed = draft.slots.get(entity).or_else(|| self.book.slots.get(entity)).copied();
        changed.unwrap_or_else(|| self.known.entities.get(entity).map_or(Slot::Absent, Slot::Stored))
    }

    fn owner(&self, draft: &Book<'a>, kind: &'a str, key: &'a str) -> Option<&'a str> {
        let changed = draft.owners.get(&(kind, key)).or_else(|| self.book.owners.get(&(kind, key))).copied();
        changed.unwrap_or_else(|| self.known.owners.get(&(kind.to_owned(), key.to_owned())).map(String::as_str))
    }

    fn append(&mut self, event: &'a PreparedEvent, at_ms: i64) {
        let (seq, previous) = (self.head.seq + 1, self.head.link);
        let raw = RawEntry {
            seq,
            at_ms,
            event_type: &event.event_type,
            actor: &event.actor,
            subject: &event.subject,
            payload_digest: &event.digest,
            previous_link: &previous,
            link: &[],
            payload: None,
            salt: None,
        };
        let link = link_of(LANE, &raw, &mut Vec::with_capacity(512));
        self.entries.push(Entry { seq, at_ms, event, previous, link });
        self.head = Head { seq, link };
    }

    fn finish(self, answers: Vec<Committed>) -> Plan<'a> {
        let mut plan = Plan {
            answers,
            deletes: Vec::new(),
            released_keys: Vec::new(),
            upserts: Vec::new(),
            entries: self.entries,
            sends: self.sends,
            settles: self.book.messages.into_iter().filter(|(_, slot)| slot.changed).collect(),
            checkpoints: self.book.checkpoints,
        };
        for (entity, slot) in self.book.slots {
            let stored = self.known.entities.get(entity);
            match slot {
                Slot::Put(upsert) => {
                    let moved = stored.is_some_and(|s| s.unique_key.is_some() && s.unique_key != upsert.row.unique_key);
                    if moved {
                        plan.released_keys.push(entity);
                    }
                    plan.upserts.push(upsert);
                }
                Slot::Absent if stored.is_some() => plan.deletes.push(entity),
                Slot::Absent | Slot::Stored(_) => {}
            }
        }
        plan
    }
}
