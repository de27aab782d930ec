//! Messages owed: order, claims, outcomes.

use serde_json::json;
use wakeman_store::{
    ClaimedDelivery, Commit, Committed, LANE, OutboxRow, OutboxState, OutboxUpdate, Outcome, Purge, Seq, Store,
};
use wakeman_types::Timestamp;

use super::{Harness, at, event, land, message, refused};

const LEASE_MS: i64 = 1000;

async fn owe(store: &Store, messages: &[(&str, &str)]) {
    let commit = messages.iter().fold(Commit::new(at(1)), |commit, (id, chat)| commit.send(message(id, chat)));
    land(store, commit).await;
}

async fn claim(store: &Store, now: i64) -> Vec<ClaimedDelivery> {
    store.claim("telegram", "here", LEASE_MS, at(now), 10).await.unwrap()
}

async fn claim_ids(store: &Store, now: i64) -> Vec<String> {
    claim(store, now).await.into_iter().map(|d| d.id).collect()
}

async fn confirm(store: &Store, delivery: &ClaimedDelivery, outcome: Outcome) -> bool {
    store.confirm(delivery, outcome, None, at(50)).await.unwrap().landed()
}

fn sent() -> Outcome {
    Outcome::Sent { receipt: json!({"message_id": 1}) }
}

fn retry(at_ms: i64) -> Outcome {
    Outcome::Retry { not_before: at(at_ms), reason: "429".into() }
}

async fn state(store: &Store, id: &str) -> (OutboxState, u32) {
    let item = store.outbox_item(id).await.unwrap().unwrap();
    (item.state, item.attempts)
}

pub async fn a_chat_is_served_in_order<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x"), ("2", "x")]).await;
    owe(&store, &[("3", "x")]).await;
    for id in ["1", "2", "3"] {
        let claimed = claim(&store, 10).await;
        assert_eq!(claimed.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), [id]);
        assert_eq!(claim_ids(&store, 10).await, [""; 0], "{id} is being sent: nothing behind it may go");
        // A failed try keeps its place.
        assert!(confirm(&store, &claimed[0], retry(20)).await);
        assert_eq!(claim_ids(&store, 19).await, [""; 0]);
        let again = claim(&store, 20).await;
        assert_eq!((again[0].id.as_str(), again[0].attempt, again[0].in_doubt), (id, 2, false));
        assert!(confirm(&store, &again[0], sent()).await);
    }
    assert_eq!(store.next_due("telegram").await.unwrap(), None);
    assert_eq!(store.outbox_count(OutboxState::Sent).await.unwrap(), 3);
}

pub async fn chats_are_independent<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x"), ("2", "y"), ("3", "x"), ("4", "z")]).await;
    let elsewhere = OutboxRow { channel: "discord".into(), ..message("5", "x") };
    land(&store, Commit::new(at(2)).send(elsewhere)).await;
    assert_eq!(store.claim("telegram", "here", LEASE_MS, at(10), 2).await.unwrap().len(), 2);
    assert_eq!(claim_ids(&store, 10).await, ["4"]);
    assert_eq!(store.claim("discord", "here", LEASE_MS, at(10), 9).await.unwrap()[0].id, "5");
    assert!(store.claim("discord", "here", LEASE_MS, at(10), 0).await.unwrap().is_empty());
}

pub async fn a_lapsed_claim_is_in_doubt<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x")]).await;
    let first = claim(&store, 10).await.remove(0);
    assert_eq!((first.attempt, first.in_doubt, first.lease_until), (1, false, at(1010)));
    assert_eq!(store.next_due("telegram").await.unwrap(), Some(at(1010)));
    store.close().await;
    let store = harness.open().await;
    assert_eq!(claim_ids(&store, 1009).await, [""; 0]);
    let second = claim(&store, 1010).await.remove(0);
    assert_eq!((second.attempt, second.in_doubt), (2, true));
    assert!(second.epoch > first.epoch);
    assert!(confirm(&store, &second, sent()).await);
    let item = store.outbox_item("1").await.unwrap().unwrap();
    assert_eq!((item.in_doubt, item.receipt), (true, Some(json!({"message_id": 1}))));
}

/// A process that is gone confirms nothing: what it had claimed is claimable at once, in doubt. What waits and other channels stay.
pub async fn claims_of_who_is_gone_lapse_at_once<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x"), ("2", "x"), ("3", "y")]).await;
    let elsewhere = OutboxRow { channel: "discord".into(), ..message("4", "x") };
    land(&store, Commit::new(at(2)).send(elsewhere)).await;
    assert_eq!(claim_ids(&store, 10).await, ["1", "3"]);
    assert_eq!(store.claim("discord", "here", LEASE_MS, at(10), 9).await.unwrap().len(), 1);
    assert_eq!(store.lapse_claims("telegram", at(20)).await.unwrap(), 2);
    assert_eq!(store.lapse_claims("telegram", at(20)).await.unwrap(), 0);
    let again = claim(&store, 20).await;
    let seen: Vec<_> = again.iter().map(|one| (&*one.id, one.attempt, one.in_doubt)).collect();
    assert_eq!(seen, [("1", 2, true), ("3", 2, true)]);
    assert!(store.claim("discord", "here", LEASE_MS, at(20), 9).await.unwrap().is_empty());
}

pub async fn outcomes_settle_messages<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x"), ("2", "x"), ("3", "x")]).await;
    let failed = Outcome::Failed { reason: "chat not found".into() };
    let first = claim(&store, 10).await.remove(0);
    let journalled = store.confirm(&first, failed, Some(event("1", json!({"why": "gone"}))), at(11)).await.unwrap();
    assert_eq!(journalled, Committed::Seq(Seq(1)));
    assert_eq!(store.journal(LANE, Seq(1), 9).await.unwrap()[0].subject, "1");
    assert_eq!(state(&store, "1").await, (OutboxState::Failed, 1));
    let failed = store.outbox(OutboxState::Failed, 0, 10).await.unwrap();
    assert_eq!(failed[0].reason.as_deref(), Some("chat not found"));
    // A failed message lets the next one through.
    let second = claim(&store, 12).await.remove(0);
    assert_eq!(second.id, "2");
    let update = OutboxUpdate::Confirm { id: "2".into(), epoch: second.epoch, outcome: sent() };
    land(&store, Commit::new(at(13)).update_outbox(update.clone())).await;
    refused(&store, Commit::new(at(13)).update_outbox(update)).await;
    let pending = store.outbox(OutboxState::Pending, 0, 10).await.unwrap();
    assert_eq!(pending.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ["3"]);
    assert!(store.outbox(OutboxState::Pending, pending[0].position, 10).await.unwrap().is_empty());
    let done = Purge::Outbox { updated_before_ms: 13 };
    assert_eq!(store.purge(done, 10).await.unwrap(), 1, "only the failed one is older than 13");
}

pub async fn an_outage_costs_no_try<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x")]).await;
    for round in 1..5 {
        let delivery = claim(&store, round * 100).await.remove(0);
        assert_eq!(delivery.attempt, 1);
        let away = Outcome::Unavailable { not_before: at(round * 100 + 50), reason: "offline".into() };
        assert!(confirm(&store, &delivery, away).await);
        assert_eq!(store.next_due("telegram").await.unwrap(), Some(at(round * 100 + 50)));
    }
    assert_eq!(state(&store, "1").await, (OutboxState::Pending, 0));
}

pub async fn only_the_newest_claim_confirms<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x")]).await;
    let old = claim(&store, 10).await.remove(0);
    let new = claim(&store, 5000).await.remove(0);
    assert!(!confirm(&store, &old, sent()).await);
    assert_eq!(state(&store, "1").await.0, OutboxState::Leased);
    assert!(confirm(&store, &new, sent()).await);
    assert!(!confirm(&store, &new, retry(1)).await, "answered once");
    assert_eq!(state(&store, "1").await.0, OutboxState::Sent);
}

pub async fn revoked_and_requeued<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    owe(&store, &[("1", "x"), ("2", "x")]).await;
    let revoke = |id: &str| OutboxUpdate::Revoke { id: id.into(), reason: "superseded".into() };
    let requeue = |id: &str| OutboxUpdate::Requeue { id: id.into(), not_before: at(0) };
    refused(&store, Commit::new(at(2)).update_outbox(requeue("1"))).await;
    land(&store, Commit::new(at(2)).update_outbox(revoke("1"))).await;
    refused(&store, Commit::new(at(2)).update_outbox(revoke("1"))).await;
    assert_eq!(claim_ids(&store, 10).await, ["2"]);
    refused(&store, Commit::new(at(2)).update_outbox(revoke("2"))).await;
    land(&store, Commit::new(at(3)).update_outbox(requeue("1"))).await;
    assert_eq!(claim_ids(&store, 11).await, ["1"], "back at its old place, before the one being sent");
    // Sent and withdrawn in one commit: never goes out.
    land(&store, Commit::new(at(4)).send(message("3", "y")).update_outbox(revoke("3"))).await;
    assert_eq!(state(&store, "3").await, (OutboxState::Revoked, 0));
    assert_eq!(claim_ids(&store, 12).await, [""; 0]);
}

pub async fn not_before_is_honoured<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let later = OutboxRow { not_before: at(100), ..message("1", "x") };
    land(&store, Commit::new(at(1)).send(later).send(message("2", "x"))).await;
    assert_eq!(store.next_due("telegram").await.unwrap(), Some(at(100)));
    assert_eq!(claim_ids(&store, 99).await, [""; 0], "the second waits for the first");
    assert_eq!(claim_ids(&store, 100).await, ["1"]);
}

pub async fn long_queues_do_not_hide_other_chats<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let mut commit = Commit::new(at(1));
    commit.outbox = (0..3000).map(|n| message(&format!("busy{n}"), "busy")).collect();
    land(&store, commit).await;
    owe(&store, &[("quiet", "quiet")]).await;
    let claimed: Vec<Timestamp> = claim(&store, 10).await.iter().map(|d| d.created_at).collect();
    assert_eq!(claimed.len(), 2);
    assert_eq!(state(&store, "busy0").await.0, OutboxState::Leased);
    assert_eq!(state(&store, "quiet").await.0, OutboxState::Leased);
}
