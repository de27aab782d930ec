//! What the chain alone cannot show: a journal linked anew, its end cut off, signatures of somebody else.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;
use sqlx::AssertSqlSafe;
use wakeman_store::{Audit, Commit, Erase, JournalHead, LANE, Seq, SignedHead, Signer, Store, public_path};
use wakeman_types::Timestamp;

use super::TempSqlite;
use crate::contract::{Field, Harness, Tamper, at, event, land};

struct Signed {
    harness: TempSqlite,
    store: Store,
    signer: Signer,
    /// As a session log would have kept it.
    head: SignedHead,
}

/// Nine entries, signed after six.
async fn signed() -> Signed {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let signer = Signer::open(&harness.path().with_file_name("journal.key")).unwrap();
    let mut head = None;
    for n in 1..=9 {
        land(&store, Commit::new(at(n)).event(event("happened", json!({"person": n})))).await;
        if n == 6 {
            let signed = signer.sign(&store.journal_head(LANE).await.unwrap(), at(n));
            land(&store, Commit::new(at(n)).put(&signed)).await;
            head = Some(signed);
        }
    }
    Signed { harness, store, signer, head: head.unwrap() }
}

impl Signed {
    async fn audit(&self) -> Audit {
        self.store.audit(Some(&self.signer.public()), std::slice::from_ref(&self.head)).await.unwrap()
    }

    async fn execute(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut self.harness.raw().await).await.unwrap();
    }

    async fn bad(&self) -> (u64, String) {
        let bad = self.audit().await.first_bad.expect("it goes unnoticed");
        (bad.seq.0, bad.why)
    }
}

#[tokio::test]
async fn a_sound_journal_is_signed_up_to_its_newest_head() {
    let signed = signed().await;
    let whole = Audit { ok: true, entries: 9, erased: 0, signed_up_to: 6, unsigned: 3, first_bad: None };
    assert_eq!(signed.audit().await, whole);
    assert_eq!(signed.store.erase_payloads(Erase::Seqs(vec![Seq(2), Seq(8)])).await.unwrap(), 2);
    assert_eq!(signed.audit().await, Audit { erased: 2, ..whole });
}

#[tokio::test]
async fn every_edit_deletion_and_reordering_names_the_first_bad_entry() {
    let edits = Field::ALL.into_iter().map(|field| (Tamper::Edit(3, field), 3));
    let moves =
        [(Tamper::Delete(1), 1), (Tamper::Delete(4), 4), (Tamper::Swap(2, 5), 2), (Tamper::Edit(8, Field::At), 8)];
    for (tamper, first) in edits.chain(moves) {
        let signed = signed().await;
        signed.harness.tamper(&signed.store, tamper).await;
        let found = signed.audit().await;
        assert_eq!(found.first_bad.map(|bad| bad.seq), Some(Seq(first)), "{tamper:?}");
        assert_eq!(found.entries, first - 1, "{tamper:?}");
        assert!(!found.ok && found.unsigned >= 1, "what comes after it is unsigned: {tamper:?}");
    }
}

#[tokio::test]
async fn every_byte_of_every_stored_field_counts() {
    for field in ["type", "actor", "subject", "payload", "payload_digest", "previous_link", "link", "salt"] {
        let length = "length(CAST(x AS BLOB))".replace('x', field);
        for place in ["1", "LEN/2+1", "LEN"] {
            let signed = signed().await;
            let place = place.replace("LEN", &length);
            let blob = ["payload_digest", "previous_link", "link", "salt"].contains(&field);
            let kind = if blob { "BLOB" } else { "TEXT" };
            // One byte of the field becomes another: hex digits of it are turned over.
            let hex = format!("hex(CAST({field} AS BLOB))");
            let byte = format!("substr({hex}, 2*({place})-1, 2)");
            let other = format!("CASE {byte} WHEN '41' THEN '42' ELSE '41' END");
            let edited = format!("substr({hex}, 1, 2*({place})-2) || {other} || substr({hex}, 2*({place})+1)");
            signed
                .execute(&format!("UPDATE journal SET {field} = CAST(unhex({edited}) AS {kind}) WHERE seq = 4"))
                .await;
            let (seq, why) = signed.bad().await;
            assert!(seq == 4 || (seq == 5 && field == "link"), "{field} {place}: entry {seq} {why}");
        }
    }
}

#[tokio::test]
async fn a_journal_that_was_linked_anew_contradicts_its_signed_head() {
    let signed = signed().await;
    // The same number of entries with other contents, each linked as it should be.
    let other = TempSqlite::fresh().await;
    let forged = other.open().await;
    for n in 1..=9 {
        land(&forged, Commit::new(at(n)).event(event("happened", json!({"person": "mallory"})))).await;
    }
    forged.close().await;
    let mut raw = signed.harness.raw().await;
    for sql in [
        &*format!("ATTACH '{}' AS forged", other.path().display()),
        "DELETE FROM journal",
        "INSERT INTO journal SELECT * FROM forged.journal",
        "DELETE FROM entities WHERE kind = 'signed_head'",
    ] {
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut raw).await.unwrap();
    }
    assert_eq!(signed.bad().await, (6, "is not the one that was signed: the journal was written anew".to_owned()));
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_missed_by_the_head_outside_the_database() {
    let signed = signed().await;
    signed.execute("DELETE FROM journal WHERE seq > 3").await;
    signed.execute("DELETE FROM entities WHERE kind = 'signed_head'").await;
    let (seq, why) = signed.bad().await;
    assert_eq!((seq, &*why), (4, "is missing: entries up to 6 were signed, and the journal ends before"));
    let blind = signed.store.audit(Some(&signed.signer.public()), &[]).await.unwrap();
    assert!(blind.ok, "without a head outside the database a shorter chain is a chain");
}

#[tokio::test]
async fn a_head_that_somebody_else_signed_or_changed_counts_for_nothing() {
    let signed = signed().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let mallory = Signer::open(&elsewhere.path().join("journal.key")).unwrap();
    let head = signed.store.journal_head(LANE).await.unwrap();
    let foreign = mallory.sign(&head, at(9));
    let key = signed.signer.public();
    let posing = SignedHead { key: key.clone(), ..foreign.clone() };
    let moved = SignedHead { seq: 5, ..signed.head.clone() };
    let later = SignedHead { at: Timestamp(1), ..signed.head.clone() };
    for wrong in [foreign, posing, moved, later] {
        assert!(!wrong.holds(&key));
        let found = signed.store.audit(Some(&key), std::slice::from_ref(&wrong)).await.unwrap();
        assert_eq!(found.first_bad.unwrap().seq, Seq(wrong.seq));
    }
    assert!(!signed.store.audit(None, &[]).await.unwrap().ok, "signed heads without the key that made them");
}

#[test]
fn the_key_is_its_owners_alone_and_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.key");
    let first = Signer::open(&path).unwrap();
    assert_eq!(Signer::open(&path).unwrap().public(), first.public());
    for file in [path.clone(), public_path(&path)] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_to_string(public_path(&path)).unwrap(), first.public());
    let head = JournalHead { lane: 1, seq: Seq(3), link: "ab".repeat(32) };
    assert!(first.sign(&head, at(1)).holds(&first.public()));
    fs::write(&path, "nonsense").unwrap();
    assert!(Signer::open(&path).unwrap_err().to_string().contains("journal.key"));
}
