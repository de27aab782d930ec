//! Whatever changes is in the journal with who did it, as which account, and because of what.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use wakeman_gateway::{
    act::asked::{Wish, stage},
    rank::PolicyRow,
};
use wakeman_ranking::LintsV1;
use wakeman_store::{Commit, LANE, Seq};
use wakeman_types::{
    Admin, DecisionRequest, ErrorKind, ExecutionMode, Findings, HOUR_MS, OperatorId, Proposals, Ranking,
    Verdict::{Approve, Reject},
    WakeupOrder, Wakeups,
};

use crate::support::{World, by, minutes};

/// Every kind of event, and what in it says because of what it came: one of these is there. Nothing: a person's word, or what it is about.
const KINDS: [(&str, &[&str]); 63] = [
    ("calendar.told", &["text"]),
    ("card.delivered", &["digest"]),
    ("finding.acknowledged", &["state"]),
    ("finding.escalated", &["severity"]),
    ("finding.explained", &[]),
    ("finding.joined", &["fingerprint"]),
    ("finding.muted", &["fingerprint"]),
    ("finding.opened", &["fingerprint"]),
    ("finding.reopened", &["times"]),
    ("finding.resolved", &["how", "state"]),
    ("finding.snoozed", &["state"]),
    ("finding.unanswered", &["told_at"]),
    ("finding.unmuted", &["fingerprint"]),
    ("halt.lifted", &["halted_by"]),
    ("halt.set", &["reason"]),
    ("mode.changed", &["from"]),
    ("note.written", &["ordinal"]),
    ("operator.forgetting", &["entries"]),
    ("operator.forgotten", &["reactions"]),
    ("pairing.bound", &["code_by"]),
    ("pairing.code_made", &["role"]),
    ("pairing.revoked", &["operator"]),
    ("pairing.wrong_code", &["times"]),
    ("proposal.approved", &["digest"]),
    ("proposal.checked", &["result"]),
    ("proposal.expired", &["at", "note"]),
    ("proposal.failed", &["note"]),
    ("proposal.held", &["step"]),
    ("proposal.intent", &["digest"]),
    ("proposal.named_again", &["times"]),
    ("proposal.needs_review", &["note"]),
    ("proposal.paused", &["digest"]),
    ("proposal.reason", &["reason"]),
    ("proposal.rejected", &["digest"]),
    ("proposal.resolved", &["done"]),
    ("proposal.shown", &["finding", "digest"]),
    ("proposal.step_done", &["step"]),
    ("proposal.succeeded", &["digest"]),
    ("proposal.superseded", &["by"]),
    ("proposal.waiting", &["for"]),
    ("proposal.withdrawn", &["finding"]),
    ("ranking.advanced", &["difference"]),
    ("ranking.promoted", &["proposal"]),
    ("ranking.reset", &["policy"]),
    ("ranking.rewarded", &["reaction"]),
    ("ranking.rolled_back", &["proposal", "by", "difference"]),
    ("retention.purged", &[]),
    ("source.back", &["metrics"]),
    ("source.silent", &["metrics"]),
    ("thread.taken_over", &[]),
    ("tip.batch", &[]),
    ("tip.rewarded", &["reaction"]),
    ("tip.shown", &["about"]),
    ("turn.accepted", &["thread"]),
    ("turn.ended", &[]),
    ("wakeup.claimed", &["due_at"]),
    ("wakeup.clock_back", &[]),
    ("wakeup.left_out", &["slots"]),
    ("wakeup.missed", &[]),
    ("wakeup.ran", &[]),
    ("wakeup.run_now", &["due_at"]),
    ("wakeup.set", &["paused"]),
    ("wakeup.skipped", &["due_at"]),
];

/// The sources of the crate, by path.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ends| ends == "rs") {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Every place that makes an event: the kind if it is written there, who does it, and the text around it.
fn places() -> Vec<(String, Option<String>, String, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut places = Vec::new();
    for (path, text) in files {
        for (at, _) in text.match_indices("core.event(") {
            let call = &text[at + "core.event(".len()..];
            let mut arguments = call.splitn(3, ',').map(str::trim);
            let (kind, actor) = (arguments.next().unwrap(), arguments.next().unwrap_or_default());
            let named = kind.trim_matches('"');
            let named = (kind.starts_with('"') && named.contains('.')).then(|| named.to_owned());
            // The payload is written in the call, or shortly before it.
            let lines: Vec<&str> = text[..at].lines().collect();
            let before = lines[lines.len().saturating_sub(14)..].join("\n");
            let after: String = call.lines().take(8).collect::<Vec<_>>().join("\n");
            places.push((path.clone(), named, actor.to_owned(), before + &after));
        }
    }
    places
}

#[test]
fn every_event_that_a_person_causes_names_their_account() {
    let places = places();
    assert!(places.len() > 40, "{}", places.len());
    // Who is a principal itself: a part of Wakeman, or an account as its transport proved it.
    let principals =
        ["\"system:", "\"wakeman\"", "AUTHOR", "POLICY", "Principal::system()", "principal", "from", "actor"];
    let account = |actor: &str| {
        let actor = actor.trim_start_matches('&');
        principals.iter().any(|known| actor.starts_with(known))
            || [".principal", ".requested_by"].iter().any(|ends| actor.ends_with(ends))
    };
    let known: BTreeSet<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    for (path, kind, actor, around) in places {
        assert!(
            account(&actor) || around.contains("\"principal\"") || around.contains("because("),
            "{path}: {kind:?} by {actor}"
        );
        if let Some(kind) = kind {
            assert!(known.contains(kind.as_str()), "{path}: {kind} is not in the table");
        }
    }
}

/// Whether the actor is an account, or the payload says which.
fn has_principal(actor: &str, payload: &Value) -> bool {
    let is_account =
        |text: &str| text.split_once(':').is_some_and(|(channel, id)| !channel.is_empty() && !id.is_empty());
    is_account(actor) || ["wakeman", "model"].contains(&actor) || payload["principal"].as_str().is_some_and(is_account)
}

async fn people(world: &mut World) {
    let (ada, lin) = (by("telegram:1"), by("telegram:2"));
    world.restart_with_wakeups(&json!({"schedule": [{"promptId": "morning-brief", "timeUtc": "09:00"}]})).await;
    let wakeup = world.desk.wakeups(&ada).await.unwrap().remove(0).id;
    for order in [WakeupOrder::Run { id: wakeup.clone() }, WakeupOrder::Skip { id: wakeup.clone() }] {
        world.desk.order_wakeup(&ada, order).await.unwrap();
    }
    world.desk.halt(&lin, None).await.unwrap();
    world.desk.resume(&ada).await.unwrap();
    world.desk.set_mode(&ada, ExecutionMode::Execute).await.unwrap();
    world.break_the_build();
    world.tick().await;
    let finding = world.only_finding().await;
    world.desk.acknowledge(&lin, finding.id).await.unwrap();
    world.desk.feedback(&lin, finding.id, true).await.unwrap();
    world.desk.mute(&lin, finding.id, Some(HOUR_MS)).await.unwrap();
    world.desk.unmute(&lin, finding.id).await.unwrap();
    let learnt = PolicyRow {
        policy: "lints-v1".to_owned(),
        operator: OperatorId::new("lin"),
        state: serde_json::to_value(LintsV1::new().unwrap().state()).unwrap(),
        rewards: 0,
        from: world.core.now(),
        updated_at: world.core.now(),
    };
    world.commit(Commit::new(world.core.now()).put(&learnt)).await;
    world.desk.reset_ranking(&ada, None).await.unwrap();
}

async fn cards(world: &mut World) {
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    let thread = world.finding().await.thread;
    for active in [false, true] {
        let wish = Wish::Flag { key: "checkout-fast".to_owned(), active, rollout: Some(0.5) };
        stage(&world.core, &ada, &thread, wish, None).await.unwrap();
    }
    let issue = world.propose_issue().await;
    world.decide("telegram:2", &issue, Reject).await.unwrap();
    let issue = world.propose_issue().await;
    world.approve(&issue).await;
    world.run_to_end().await;
    world.clock.advance(minutes(31));
    let expired =
        world.all::<wakeman_types::Proposal>().await.into_iter().find(|p| p.state.name() == "pending").unwrap();
    let request =
        DecisionRequest { decision: Approve, digest: expired.digest.as_str().to_owned(), reason: None, step: None };
    let late = world.desk.decide(&by("telegram:1"), expired.id, request).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Expired);
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(2).await;
}

#[tokio::test]
async fn every_entry_of_the_journal_says_who_did_it_as_which_account_and_because_of_what() {
    let mut world = World::code_only().await;
    people(&mut world).await;
    cards(&mut world).await;
    let mut seen = BTreeSet::new();
    let mut at = Seq(1);
    loop {
        let page = world.core.store.journal(LANE, at, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        at = Seq(last.seq.0 + 1);
        for entry in page {
            let payload = entry.payload.clone().unwrap_or_default();
            let (kind, actor) = (entry.event_type.as_str(), entry.actor.as_str());
            assert!(has_principal(actor, &payload), "{kind} by {actor}: {payload}");
            let (_, causes) =
                KINDS.iter().find(|(known, _)| *known == kind).unwrap_or_else(|| panic!("{kind} is not in the table"));
            assert!(causes.is_empty() || causes.iter().any(|cause| payload.get(cause).is_some()), "{kind}: {payload}");
            assert!(!entry.subject.is_empty(), "{kind}");
            seen.insert(kind.to_owned());
        }
    }
    for kind in [
        "finding.acknowledged",
        "finding.muted",
        "finding.opened",
        "finding.resolved",
        "finding.unmuted",
        "halt.lifted",
        "halt.set",
        "mode.changed",
        "proposal.approved",
        "proposal.expired",
        "proposal.intent",
        "proposal.rejected",
        "proposal.shown",
        "proposal.step_done",
        "proposal.succeeded",
        "proposal.superseded",
        "ranking.reset",
        "ranking.rewarded",
        "wakeup.run_now",
        "wakeup.skipped",
    ] {
        assert!(seen.contains(kind), "{kind} did not happen: {seen:?}");
    }
}
