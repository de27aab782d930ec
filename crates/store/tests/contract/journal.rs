//! The hash chain: its arithmetic, its tampering, its erasure.

use serde_json::json;
use wakeman_store::{
    ChainVerifier, Commit, Erase, FIRST_PREVIOUS_LINK, JournalEvent, LANE, Seq, Store, Verdict,
    canonical::{digest_of, sha256_hex, to_canonical_json},
};

use super::{Field, Harness, Tamper, at, event, land};

/// `n` entries about subjects s0, s1, s2 in turn, with payloads that canonical JSON reorders.
async fn journal(store: &Store, n: u64) {
    for seq in 1..=n {
        let payload = json!({"z": seq, "a": [1.0, "é\n"], "name": format!("person {seq}")});
        let event = JournalEvent { salt: [seq as u8; 16], ..event(&format!("s{}", seq % 3), payload) };
        land(store, Commit::new(at(1000 + seq as i64)).event(event)).await;
    }
}

async fn verdict(store: &Store) -> Verdict {
    store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap()
}

fn counts(verdict: &Verdict) -> (u64, u64, u64) {
    match verdict {
        Verdict::Verified { entries, erased, head } => (*entries, *erased, head.seq.0),
        Verdict::FirstBad(bad) => panic!("{bad}"),
    }
}

pub async fn the_chain_is_as_specified<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    assert_eq!(store.journal_head(LANE).await.unwrap().link, FIRST_PREVIOUS_LINK);
    assert_eq!(counts(&verdict(&store).await), (0, 0, 0));
    journal(&store, 5).await;
    let mut previous = FIRST_PREVIOUS_LINK.to_owned();
    for (entry, seq) in store.journal(LANE, Seq(1), 10).await.unwrap().into_iter().zip(1u64..) {
        let salt = entry.salt.unwrap();
        let salted = [&salt[..], to_canonical_json(entry.payload.as_ref().unwrap()).as_bytes()].concat();
        let link = digest_of(&json!({
            "v": 1, "lane": 1, "seq": seq, "at_ms": 1000 + seq, "type": "note.changed", "actor": "ada",
            "subject": format!("s{}", seq % 3), "payload_digest": sha256_hex(&salted), "previous_link": previous,
        }));
        assert_eq!((entry.seq, &entry.link, &entry.previous_link), (Seq(seq), &link, &previous));
        previous = link;
    }
    assert_eq!(store.journal_head(LANE).await.unwrap().link, previous);
    assert_eq!(counts(&verdict(&store).await), (5, 0, 5));
}

pub async fn entries_page<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    journal(&store, 9).await;
    let seqs = |entries: Vec<wakeman_store::JournalEntry>| entries.into_iter().map(|e| e.seq.0).collect::<Vec<_>>();
    assert_eq!(seqs(store.journal(LANE, Seq(4), 3).await.unwrap()), [4, 5, 6]);
    assert_eq!(seqs(store.journal(2, Seq(1), 3).await.unwrap()), [0; 0]);
    assert_eq!(seqs(store.journal_of("s0", LANE, Seq(1), 10).await.unwrap()), [3, 6, 9]);
    assert_eq!(seqs(store.journal_of("s0", LANE, Seq(4), 1).await.unwrap()), [6]);
}

pub async fn every_tampering_is_found<H: Harness>() {
    let edits = Field::ALL.into_iter().map(|field| (Tamper::Edit(3, field), 3));
    let moves = [(Tamper::Delete(1), 1), (Tamper::Delete(4), 4), (Tamper::Swap(2, 5), 2)];
    for (tamper, first_bad) in edits.chain(moves) {
        let harness = H::fresh().await;
        let store = harness.open().await;
        journal(&store, 6).await;
        harness.tamper(&store, tamper).await;
        match verdict(&store).await {
            Verdict::FirstBad(bad) => assert_eq!(bad.seq, Seq(first_bad), "{tamper:?}: {bad}"),
            Verdict::Verified { .. } => panic!("{tamper:?} went unnoticed"),
        }
    }
    // What only a head kept elsewhere can show.
    let harness = H::fresh().await;
    let store = harness.open().await;
    journal(&store, 6).await;
    let head = store.journal_head(LANE).await.unwrap();
    harness.tamper(&store, Tamper::Delete(6)).await;
    let Verdict::Verified { head: shorter, .. } = verdict(&store).await else { panic!("a shorter chain is a chain") };
    assert_ne!(shorter, head);
}

pub async fn erased_entries_still_verify<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    journal(&store, 9).await;
    let head = store.journal_head(LANE).await.unwrap();
    assert_eq!(store.erase_payloads(Erase::Subject("s1".into())).await.unwrap(), 3);
    assert_eq!(store.erase_payloads(Erase::Subject("s1".into())).await.unwrap(), 0);
    assert_eq!(store.erase_payloads(Erase::Seqs(vec![Seq(2), Seq(4), Seq(99)])).await.unwrap(), 1);
    assert_eq!(store.erase_payloads(Erase::Before(at(1004))).await.unwrap(), 1);
    assert_eq!(counts(&verdict(&store).await), (9, 5, 9));
    assert_eq!(store.journal_head(LANE).await.unwrap(), head);
    let entry = store.journal(LANE, Seq(1), 1).await.unwrap().remove(0);
    assert_eq!((entry.payload, entry.salt, entry.subject.as_str()), (None, None, "s1"));
    journal(&store, 1).await;
    assert_eq!(counts(&verdict(&store).await), (10, 5, 10));
}

pub async fn verification_resumes<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    journal(&store, 6).await;
    let fourth = store.journal(LANE, Seq(4), 1).await.unwrap().remove(0);
    let verdict = store.verify_journal(LANE, Seq(5), &fourth.link).await.unwrap();
    assert_eq!(counts(&verdict), (2, 0, 6));
    for wrong in [FIRST_PREVIOUS_LINK, "", "zz"] {
        let verdict = store.verify_journal(LANE, Seq(5), wrong).await.unwrap();
        assert!(matches!(verdict, Verdict::FirstBad(bad) if bad.seq == Seq(5)), "{wrong}");
    }
}

pub async fn an_exported_chain_verifies<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    journal(&store, 4).await;
    store.erase_payloads(Erase::Seqs(vec![Seq(2)])).await.unwrap();
    let mut entries = store.journal(LANE, Seq(1), 9).await.unwrap();
    let verify = |entries: &[wakeman_store::JournalEntry]| {
        let mut verifier = ChainVerifier::new(LANE, Seq(1), FIRST_PREVIOUS_LINK).unwrap();
        entries.iter().try_for_each(|entry| verifier.push(entry)).map(|()| counts(&verifier.finish()))
    };
    assert_eq!(verify(&entries), Ok((4, 1, 4)));
    entries[3].actor = "mallory".into();
    assert_eq!(verify(&entries).unwrap_err().seq, Seq(4));
}
