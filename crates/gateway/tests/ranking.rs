//! Reactions become rewards; what is learnt never stops the watch.

use serde_json::json;
use wakeman_gateway::rank::{Given, PolicyRow, ReactionRecord};
use wakeman_ranking::{FEATURES_VERSION, reward::Reaction};
use wakeman_store::Commit;
use wakeman_types::{
    Admin, Choice, ChoiceRecord, DAY_MS, DecisionId, ErrorKind, Finding, FindingId, Findings, HOUR_MS, Interruption,
    OperatorId, Ranking, Verdict,
};

use crate::support::{World, by, minutes};

/// A warning that was told, with its decision.
async fn told() -> (World, Finding) {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let finding = world.only_finding().await;
    (world, finding)
}

#[tokio::test]
async fn a_word_is_learnt_in_its_own_commit_and_saying_it_twice_changes_nothing() {
    let (world, finding) = told().await;
    world.clock.advance(minutes(3));
    world.desk.feedback(&by("telegram:2"), finding.id, false).await.unwrap();
    let rows = world.all::<PolicyRow>().await;
    assert_eq!((rows.len(), rows[0].operator.as_str(), rows[0].rewards), (1, "lin", 1));
    let reaction = world.all::<ReactionRecord>().await.remove(0);
    assert_eq!((reaction.worth, reaction.operator.as_str()), (Some(0.0), "lin"));
    let events = world.events_of(finding.id).await;
    assert_eq!(events.iter().filter(|event| *event == "ranking.rewarded").count(), 1, "{events:?}");
    world.desk.feedback(&by("telegram:2"), finding.id, false).await.unwrap();
    assert_eq!(world.all::<PolicyRow>().await, rows);
    assert_eq!(world.events_of(finding.id).await, events);
}

#[tokio::test]
async fn a_word_taken_back_leaves_no_trace_in_what_was_learnt() {
    let (world, finding) = told().await;
    let (other, same) = told().await;
    world.desk.feedback(&by("telegram:2"), finding.id, false).await.unwrap();
    let wrong = world.all::<PolicyRow>().await.remove(0);
    world.desk.feedback(&by("telegram:2"), finding.id, true).await.unwrap();
    other.desk.feedback(&by("telegram:2"), same.id, true).await.unwrap();
    let (changed, straight) = (world.all::<PolicyRow>().await.remove(0), other.all::<PolicyRow>().await.remove(0));
    assert_ne!(changed.state, wrong.state);
    assert_eq!((changed.state, changed.rewards), (straight.state, straight.rewards));
}

#[tokio::test]
async fn decisions_and_verbs_teach_by_their_kind_and_latency() {
    let (world, finding) = told().await;
    let proposal = world.proposal(finding.proposal.unwrap()).await;
    world.clock.advance(minutes(4));
    world.desk.acknowledge(&by("telegram:2"), finding.id).await.unwrap();
    world.decide("telegram:4", &proposal, Verdict::Reject).await.unwrap();
    world.desk.snooze(&by("telegram:1"), finding.id, minutes(60)).await.unwrap();
    let mut worth: Vec<(String, f64)> = world
        .all::<ReactionRecord>()
        .await
        .into_iter()
        .map(|record| (record.operator.to_string(), record.worth.unwrap()))
        .collect();
    worth.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(worth, [("ada".to_owned(), 0.3), ("bob".to_owned(), 0.6), ("lin".to_owned(), 1.0)]);
    assert_eq!(world.all::<PolicyRow>().await.len(), 3);
}

#[tokio::test]
async fn silence_counts_after_a_day_and_never_as_zero() {
    let (mut world, finding) = told().await;
    world.desk.feedback(&by("telegram:2"), finding.id, true).await.unwrap();
    world.clock.advance(DAY_MS - minutes(1));
    world.tick().await;
    assert_eq!(world.all::<ReactionRecord>().await.len(), 1, "there may still be a reaction");
    world.clock.advance(minutes(2));
    world.tick().await;
    let of_first: Vec<ReactionRecord> =
        world.all::<ReactionRecord>().await.into_iter().filter(|record| record.finding == finding.id).collect();
    let silent: Vec<&str> =
        of_first.iter().filter(|record| record.worth.is_none()).map(|record| record.operator.as_str()).collect();
    assert_eq!((of_first.len(), silent.len(), silent.contains(&"lin")), (4, 3, false));
    assert_eq!(world.all::<PolicyRow>().await.len(), 1, "who never reacted has no say");
    // A reaction that comes late still counts.
    world.desk.feedback(&by("telegram:1"), finding.id, false).await.unwrap();
    assert_eq!(world.all::<PolicyRow>().await.len(), 2);
}

#[tokio::test]
async fn critical_interruptions_use_up_no_alarm_budget() {
    let (mut world, finding) = told().await;
    let told = world.all::<ChoiceRecord>().await.remove(0);
    assert_eq!(told.chosen, Interruption::Now);
    let mut commit = Commit::new(world.core.now());
    for i in 0..4 {
        let mut critical = told.clone();
        (critical.id, critical.forced) = (DecisionId::new(format!("critical{i}")), true);
        critical.features.iter_mut().filter(|(name, _)| name == "severity").for_each(|(_, value)| *value = 2.0);
        commit = commit.put(&critical);
    }
    world.commit(commit).await;
    let status = world.desk.status(&by("telegram:1")).await.unwrap();
    assert_eq!((status.interruptions, status.critical_interruptions, status.alarm_budget), (1, 4, 2));
    world.desk.resolve(&by("telegram:1"), finding.id).await.unwrap();
    world.clock.advance(2 * DAY_MS);
    world.code.run(2, crate::support::MERGE_SHA, false, world.core.now());
    world.tick().await;
    let next = world.all::<ChoiceRecord>().await.into_iter().find(|choice| choice.finding != finding.id).unwrap();
    assert!(!next.forced, "one of two is left: {}", next.reason);
    let left = next.features.iter().find(|(name, _)| name == "alarm_budget_left").unwrap().1;
    assert_eq!(left, 1.0);
}

#[tokio::test]
async fn silence_about_what_was_told_before_a_reset_teaches_nothing() {
    let (mut world, finding) = told().await;
    world.desk.feedback(&by("telegram:2"), finding.id, true).await.unwrap();
    world.clock.advance(HOUR_MS);
    world.desk.reset_ranking(&by("telegram:1"), None).await.unwrap();
    let mut fresh = world.all::<PolicyRow>().await;
    // Everybody's silence about the finding comes after its day; only the row of whoever never reacted could learn from it.
    fresh[0].operator = OperatorId::new("ada");
    world.commit(Commit::new(world.core.now()).put(&fresh[0])).await;
    world.clock.advance(2 * DAY_MS);
    world.tick().await;
    let silent = world.all::<ReactionRecord>().await.into_iter().filter(|record| record.worth.is_none()).count();
    assert!(silent > 0, "silences are recorded");
    assert!(world.all::<PolicyRow>().await.iter().all(|row| row.state == fresh[0].state), "and teach nothing");
}

#[tokio::test]
async fn a_broken_state_falls_back_with_a_notice_and_stops_nothing() {
    for broken in [json!({"bandit": null}), json!("x"), json!(null)] {
        let (mut world, finding) = told().await;
        let row = PolicyRow {
            policy: "lints-v1".to_owned(),
            operator: OperatorId::new("lin"),
            state: broken,
            rewards: 9,
            from: wakeman_types::Timestamp::default(),
            updated_at: world.core.now(),
        };
        let _ = world.core.store.commit(Commit::new(world.core.now()).put(&row)).await.unwrap();
        let heard = world.desk.feedback(&by("telegram:2"), finding.id, true).await.unwrap();
        let why = heard.not_learnt.unwrap();
        assert!(why.contains("what lints-v1 learnt of lin cannot be used") && why.contains("ranking reset"), "{why}");
        assert_eq!(world.all::<PolicyRow>().await, [row], "what cannot be read is left for a person to look at");
        let warnings = wakeman_types::Admin::status(&world.desk, &by("telegram:1")).await.unwrap().warnings;
        assert!(warnings.iter().any(|w| w.contains("what lints-v1 learnt of lin cannot be used")), "{warnings:?}");
        assert!(warnings.iter().any(|w| w.contains("ranking reset --operator lin")), "{warnings:?}");
        // The next finding is told by rule-v1, and the log says why.
        world.desk.resolve(&by("telegram:1"), finding.id).await.unwrap();
        world.clock.advance(2 * DAY_MS);
        world.code.run(2, crate::support::MERGE_SHA, false, world.core.now());
        world.tick().await;
        let last = world.all::<ChoiceRecord>().await.pop().unwrap();
        assert_ne!(last.finding, finding.id);
        assert_eq!(last.policy, "rule-v1");
        assert!(last.fallback.unwrap().contains("lints-v1 learnt of lin"));
    }
}

#[tokio::test]
async fn every_policy_is_logged_with_its_propensities_and_why_shows_them() {
    let (world, finding) = told().await;
    let record = world.all::<ChoiceRecord>().await.remove(0);
    assert!(!record.forced, "the fixture leaves a choice");
    let names: Vec<&str> = record.opinions.iter().map(|opinion| opinion.policy.as_str()).collect();
    assert_eq!(names, ["rule-v1", "lints-v1"]);
    for opinion in &record.opinions {
        let sum: f64 = opinion.arms.iter().map(|arm| arm.propensity).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{opinion:?}");
    }
    assert_eq!(record.opinions[0].arms, record.arms, "rule-v1 decided");
    world.desk.feedback(&by("telegram:2"), finding.id, true).await.unwrap();
    let why = world.desk.why(&by("telegram:3"), finding.id).await.unwrap().ranking;
    assert_eq!((why.seed, why.opinions), (record.seed, record.opinions));
    let reaction = &why.reactions[0];
    assert_eq!((reaction.operator.as_str(), reaction.reactions.as_slice()), ("lin", &["useful".to_owned()][..]));
    assert_eq!(reaction.reward, Some(if record.chosen == Interruption::Now { 1.0 } else { 0.485 }));
    assert!(why.moved[0].1.abs() >= why.moved[1].1.abs() && why.moved.len() == 18);
    // What was learnt of its kind is told of it, too: whoever reacted, and to whichever finding.
    assert_eq!((why.rewards, why.history), (1, vec![("useful".to_owned(), 1)]));
    world.desk.acknowledge(&by("telegram:1"), finding.id).await.unwrap();
    let why = world.desk.why(&by("telegram:3"), finding.id).await.unwrap().ranking;
    assert_eq!((why.rewards, why.history), (2, vec![("acknowledged".to_owned(), 1), ("useful".to_owned(), 1)]));
}

#[tokio::test]
async fn feedback_needs_an_operator_and_a_finding_that_was_told() {
    let (world, finding) = told().await;
    let stranger = world.desk.feedback(&by("telegram:99"), finding.id, true).await.unwrap_err();
    assert_eq!(stranger.kind, ErrorKind::Forbidden);
    let none = world.desk.feedback(&by("telegram:1"), FindingId::new(77), true).await.unwrap_err();
    assert_eq!(none.message, "there is no finding F-77; `findings` lists them");
}

#[tokio::test]
async fn an_old_log_entry_without_opinions_is_still_read() {
    let (world, _) = told().await;
    let record = world.all::<ChoiceRecord>().await.remove(0);
    assert_eq!((record.features_version, &record.prompt_version), (FEATURES_VERSION, &None));
    let read: ChoiceRecord = serde_json::from_value(as_first_logged(&record)).unwrap();
    assert_eq!((read.opinions.len(), read.arms), (0, record.arms));
    assert_eq!((read.features_version, read.prompt_version), (1, None));
}

/// With what a decision had when decisions were first logged, and no more.
fn as_first_logged(record: &ChoiceRecord) -> serde_json::Value {
    const FIRST: [&str; 11] =
        ["id", "finding", "policy", "chosen", "arms", "forced", "explored", "features", "seed", "reason", "at"];
    let mut old = serde_json::to_value(record).unwrap();
    old.as_object_mut().unwrap().retain(|key, _| FIRST.contains(&key.as_str()));
    old
}

#[tokio::test]
async fn a_log_of_rule_v1_alone_is_replayed_whole() {
    let (world, finding) = told().await;
    let (record, end) = (world.all::<ChoiceRecord>().await.remove(0), world.core.now());
    assert!(!record.forced && record.policy == "rule-v1");
    let mut commit = Commit::new(end);
    for i in 1..=60 {
        let old: ChoiceRecord = serde_json::from_value(as_first_logged(&record)).unwrap();
        // Every third is of another size and was noise.
        let (noise, at) = (i % 3 == 0, end.plus_ms(-i * DAY_MS));
        let mut features = old.features.clone();
        features
            .iter_mut()
            .filter(|(name, _)| name == "effect_size")
            .for_each(|(_, v)| *v = if noise { 0.2 } else { 2.0 });
        let old = ChoiceRecord { id: DecisionId::new(format!("old-{i}")), features, at, ..old };
        let reaction = if noise { Reaction::Noise } else { Reaction::Useful };
        let of = ReactionRecord {
            decision: old.id.clone(),
            finding: finding.id,
            operator: OperatorId::new("lin"),
            chosen: old.chosen,
            features: old.features.iter().map(|(_, value)| *value).collect(),
            reactions: vec![Given { reaction, at }],
            worth: Some(reaction.worth()),
            told_at: at,
        };
        commit = commit.put(&old).put(&of);
    }
    // What is stored is what was stored then, and one without a probability for what was chosen is named, not used.
    let zero = Choice { propensity: 0.0, ..record.arms[0] };
    let broken = ChoiceRecord { id: DecisionId::new("old-0"), arms: vec![zero], ..record };
    let _ = world.core.store.commit(commit.put(&broken)).await.unwrap();
    let view = world.desk.ranking(&by("telegram:1")).await.unwrap();
    let (rule, lints) = (&view.policies[0], &view.policies[1]);
    // Sixty, and the one of this world.
    assert_eq!((rule.decisions, rule.scored, lints.scored, view.forced), (61, 61, 61, 0));
    assert_eq!((rule.rewards, lints.rewards, view.unusable), (60, 60, 1));
    let bound = lints.bound.clone().unwrap();
    assert!(bound.rounds >= 60 && bound.lower < bound.estimate && bound.estimate < bound.upper, "{bound:?}");
    // The shadow is played again from round to round: it learnt which ones are noise.
    let latest = lints.reward_history.last().unwrap();
    assert!(lints.ess.unwrap() > 20.0 && latest > lints.reward_history.first().unwrap(), "{lints:?}");
}
