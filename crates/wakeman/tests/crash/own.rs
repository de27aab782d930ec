//! A promotion of a policy, which acts on our own records alone: killed at any boundary it begins once.

use std::time::Duration;

use serde_json::json;
use wakeman_gateway::rank::{Given, PromotionRow, ReactionRecord};
use wakeman_ranking::{FEATURES_VERSION, REGISTRY, reward::Reaction};
use wakeman_store::{Commit, FIRST_PREVIOUS_LINK, LANE, ListQuery, Seq, Store, Verdict};
use wakeman_types::*;

use super::case::{Home, with_store};

/// Restarts after which it must have come to an end.
const RESTARTS: usize = 6;
/// Every command here ends by itself; a debug build under load takes its time over the log.
const PATIENCE: Duration = Duration::from_secs(60);
/// Decisions in the log.
const DECISIONS: i64 = 300;

/// Decisions an hour apart, all with a reaction. The shadow knows which findings are useful, `rule-v1` does not.
async fn decide(store: &Store, now: Timestamp) {
    let mut commit = Commit::new(now);
    for i in 0..DECISIONS {
        let useful = i % 5 < 3;
        let arms = |now: f64| {
            [(Interruption::Now, now), (Interruption::Digest, 1.0 - now), (Interruption::Silent, 0.0)]
                .map(|(arm, propensity)| Choice { arm, propensity })
        };
        let opinion = |policy: &str, now: f64| PolicyOpinion {
            policy: policy.to_owned(),
            preferred: if now >= 0.5 { Interruption::Now } else { Interruption::Digest },
            arms: arms(now).into(),
        };
        let value = |name: &str| match name {
            "severity" => 1.0,
            "effect_size" if useful => 3.0,
            _ => 0.0,
        };
        let at = now.plus_ms(-(DECISIONS - i) * HOUR_MS);
        let choice = ChoiceRecord {
            id: DecisionId::new(format!("d{i}")),
            finding: FindingId::new(9000),
            policy: "rule-v1".to_owned(),
            chosen: if i * 7 % 10 < 6 { Interruption::Now } else { Interruption::Digest },
            arms: arms(0.6).into(),
            forced: false,
            explored: false,
            features: REGISTRY.iter().map(|spec| (spec.name.to_owned(), value(spec.name))).collect(),
            seed: 1,
            reason: "large and sure".to_owned(),
            at,
            opinions: vec![opinion("rule-v1", 0.6), opinion("lints-v1", if useful { 0.97 } else { 0.03 })],
            fallback: None,
            features_version: FEATURES_VERSION,
            prompt_version: None,
        };
        let reaction = if useful { Reaction::Useful } else { Reaction::Noise };
        let record = ReactionRecord {
            decision: choice.id.clone(),
            finding: choice.finding,
            operator: OperatorId::new("cli:0"),
            chosen: choice.chosen,
            features: choice.features.iter().map(|(_, value)| *value).collect(),
            reactions: vec![Given { reaction, at }],
            worth: Some(reaction.worth()),
            told_at: at,
        };
        commit = commit.put(&choice).put(&record);
    }
    assert!(store.commit(commit).await.unwrap().landed());
}

async fn newest(store: &Store) -> Option<Proposal> {
    let mut all = store.list::<Proposal>(&ListQuery::newest(10)).await.unwrap().items;
    assert!(all.len() <= 1, "it is proposed once: {all:?}");
    let found = all.pop()?;
    let mut proposal = found.value;
    // What it waits for is over.
    if proposal.steps.iter_mut().filter_map(|step| step.not_before.take()).count() > 0 {
        let commit = Commit::new(proposal.created_at).replace(&proposal, found.version);
        assert!(store.commit(commit).await.unwrap().landed());
    }
    Some(proposal)
}

/// Whether the process was killed there.
fn killed_at(label: &str, first: Option<&str>) -> bool {
    let home = Home::alone(&json!({"monitor": {"alarmBudgetPerWeek": 1000}}));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_ms(i64::try_from(now.as_millis()).unwrap());
    with_store(&home.database(), async |store| decide(store, now).await);
    let mut crashes: Vec<&str> = [first, Some(label)].into_iter().flatten().rev().collect();
    let mut died = false;
    for _ in 0..RESTARTS {
        let proposal = with_store(&home.database(), async |store| newest(store).await);
        let crash = crashes.last().copied();
        let (id, digest) = match &proposal {
            Some(proposal) => (proposal.id.to_string(), proposal.digest.short().to_owned()),
            None => Default::default(),
        };
        let args: &[&str] = match proposal.map(|proposal| proposal.state) {
            None => &["ranking", "promote", "lints-v1", "--json"],
            Some(ProposalState::Pending) => &["approve", &id, "--digest", &digest],
            Some(ProposalState::Approved | ProposalState::Executing) => &["run", "--once"],
            Some(_) => break,
        };
        if home.run_for(args, crash, PATIENCE) {
            crashes.pop();
            died = crashes.is_empty();
        }
    }
    with_store(&home.database(), async |store| {
        let ended = newest(store).await.unwrap();
        assert!(
            matches!(ended.state, ProposalState::Succeeded | ProposalState::Verified),
            "{label}: {:?} {:?}",
            ended.state,
            ended.note
        );
        assert_eq!((ended.decisions.len(), ended.needed), (1, 1), "{label}");
        let rows = store.list::<PromotionRow>(&ListQuery::newest(10)).await.unwrap().items;
        assert_eq!(rows.len(), 1, "{label}");
        assert_eq!(rows[0].value.proposal, Some(ended.id), "{label}");
        let entries = store.journal_of("lints-v1", LANE, Seq(1), 100).await.unwrap();
        let begun = entries.iter().filter(|entry| entry.event_type == "ranking.promoted").count();
        assert_eq!(begun, 1, "{label}: it began {begun} times");
        let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
        assert!(matches!(verdict, Verdict::Verified { .. }), "{label}: {verdict:?}");
    });
    died
}

#[test]
fn after_a_kill_at_any_boundary_a_promotion_began_once() {
    let parts =
        ["proposal.shown", "proposal.approved", "proposal.intent", "call", "proposal.step_done", "proposal.succeeded"];
    let labels: Vec<String> =
        parts.iter().flat_map(|part| ["before", "after"].map(|side| format!("{part}.{side}"))).collect();
    std::thread::scope(|scope| {
        for label in &labels {
            scope.spawn(move || assert!(killed_at(label, None), "{label} was not reached"));
        }
        // A step that was cut off is asked about first; and dies there, too.
        for (label, first) in [("reconcile.before", "call.before"), ("reconcile.after", "call.after")] {
            scope.spawn(move || assert!(killed_at(label, Some(first)), "{label} was not reached"));
        }
    });
}
