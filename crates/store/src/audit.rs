//! Checks the whole journal against its chain and against the heads that were signed, in the database and outside it.

use serde::Serialize;

use crate::{
    commit::Seq,
    error::StoreError,
    journal::{BadEntry, FIRST_PREVIOUS_LINK, LANE, Verdict},
    query::ListQuery,
    sign::SignedHead,
    store::Store,
};

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Whether everything holds up to the newest signed head.
    pub ok: bool,
    /// Entries that hold.
    pub entries: u64,
    /// How many of them are tombstones: payload erased, entry proven. Not counted once an entry does not hold.
    pub erased: u64,
    /// The newest entry that a signature vouches for; 0: none.
    pub signed_up_to: u64,
    /// Entries after it: chained, but nobody vouches for them yet.
    pub unsigned: u64,
    /// The first entry that does not hold, with what is wrong with it.
    pub first_bad: Option<BadEntry>,
}

impl Store {
    /// Checks the journal. `key`: the instance's public key, hex; `None`: it has none yet. `logged`: heads that were kept outside the
    /// database, read before this is called. Streams: flat memory whatever the length.
    ///
    /// # Errors
    /// [`StoreError`] if the database could not be read.
    pub async fn audit(&self, key: Option<&str>, logged: &[SignedHead]) -> Result<Audit, StoreError> {
        let stored = self.list::<SignedHead>(&ListQuery::newest(1000).parent(format!("lane-{LANE}"))).await?;
        let stored = stored.items.into_iter().map(|found| found.value);
        let of_lane = |head: &SignedHead| head.lane == LANE;
        let mut heads: Vec<SignedHead> = stored.chain(logged.iter().cloned()).filter(of_lane).collect();
        heads.sort_by_key(|head| head.seq);
        let signed = |head: &SignedHead| key.is_some_and(|key| head.holds(key));
        let forged = heads.iter().find(|head| !signed(head)).map(|head| BadEntry {
            seq: Seq(head.seq),
            why: "has a signed head that the instance's key did not sign".to_owned(),
        });
        heads.retain(signed);
        let (entries, erased, broken) = match self.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await? {
            Verdict::Verified { entries, erased, .. } => (entries, erased, None),
            Verdict::FirstBad(bad) => (bad.seq.0.saturating_sub(1), 0, Some(bad)),
        };
        let contradicted = self.contradicted(&heads, entries).await?;
        let found = [broken, forged, contradicted].into_iter().flatten();
        let first_bad = found.min_by_key(|bad| bad.seq);
        let holds = first_bad.as_ref().map_or(entries, |bad| entries.min(bad.seq.0.saturating_sub(1)));
        let signed_up_to = heads.iter().map(|head| head.seq).filter(|seq| *seq <= holds).max().unwrap_or(0);
        let total = self.journal_head(LANE).await?.seq.0.max(holds);
        let unsigned = total - signed_up_to;
        Ok(Audit { ok: first_bad.is_none(), entries: holds, erased, signed_up_to, unsigned, first_bad })
    }

    /// The first signed head that the journal, whose first `entries` entries hold, does not agree with.
    async fn contradicted(&self, heads: &[SignedHead], entries: u64) -> Result<Option<BadEntry>, StoreError> {
        for head in heads {
            if head.seq > entries {
                let why = format!("is missing: entries up to {} were signed, and the journal ends before", head.seq);
                return Ok(Some(BadEntry { seq: Seq(entries + 1), why }));
            }
            let found = self.journal(LANE, Seq(head.seq), 1).await?;
            if found.first().is_none_or(|entry| entry.link != head.link) {
                let why = "is not the one that was signed: the journal was written anew".to_owned();
                return Ok(Some(BadEntry { seq: Seq(head.seq), why }));
            }
        }
        Ok(None)
    }
}
