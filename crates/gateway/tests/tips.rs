//! Tips: one thing worth doing, chosen and logged like a decision; a model is asked once for one state of the facts.

use std::sync::Arc;

use serde_json::json;
use wakeman_gateway::{
    Core, Desk,
    brain::Brain,
    ports::Model,
    rank::{PolicyRow, TipBatch, TipRecord},
};
use wakeman_ranking::tip::TIP_FEATURES_VERSION;
use wakeman_store::ListQuery;
use wakeman_types::{
    ChoiceRecord, DAY_MS, ErrorKind, Findings, Interruption, LearntRequest, OperatorId, Ranking, TipId, TipKind,
    TipWhyView,
};

use crate::support::{FakeModel, Says, World, by, minutes};

/// A warning whose repair has waited for ten minutes.
async fn waiting() -> World {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(minutes(10));
    world
}

fn with_model(world: &World, model: &Arc<FakeModel>) -> (Arc<Core>, Desk) {
    let core = world.core_with_model(Some(Arc::clone(model) as Arc<dyn Model>));
    let brain = Brain::new(Arc::clone(&core));
    (Arc::clone(&core), Desk::with_brain(core, brain))
}

async fn batches(core: &Core) -> Vec<TipBatch> {
    let all = core.store.list::<TipBatch>(&ListQuery::newest(10)).await.unwrap();
    all.items.into_iter().map(|found| found.value).collect()
}

#[tokio::test]
async fn nothing_is_a_complete_answer_and_costs_no_model_call() {
    let world = World::code_only().await;
    let model = FakeModel::new(Vec::new());
    let (core, desk) = with_model(&world, &model);
    let view = desk.tip(&by("telegram:1")).await.unwrap();
    assert_eq!((view.tip, view.considered, view.notice), (None, 0, None));
    assert!(model.asked().is_empty() && batches(&core).await.is_empty());
    assert!(world.all::<TipRecord>().await.is_empty());
}

#[tokio::test]
async fn no_tip_is_about_what_somebody_muted() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(2 * DAY_MS);
    let (ada, finding) = (by("telegram:1"), world.only_finding().await);
    let about = |view: &wakeman_types::TipView| view.tip.as_ref().map(|tip| tip.about.clone());
    assert_eq!(about(&world.desk.tip(&ada).await.unwrap()), Some(finding.id.to_string()));
    world.desk.mute(&ada, finding.id, Some(DAY_MS * 7)).await.unwrap();
    world.clock.advance(DAY_MS);
    let view = world.desk.tip(&ada).await.unwrap();
    assert_eq!((about(&view), view.considered), (None, 0));
}

#[tokio::test]
async fn the_times_in_a_tip_are_those_of_who_reads_it() {
    let operators = json!([
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "Asia/Tokyo"},
        {"id": "lin", "role": "owner", "principals": ["telegram:2"]},
    ]);
    let mut world = World::code_only_with(json!({"operators": operators}), "{}").await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(minutes(10));
    let [ada, lin] = [by("telegram:1"), by("telegram:2")];
    let body = async |who| world.desk.tip(who).await.unwrap().tip.unwrap().body;
    let shows = "`proposal P-1` shows what would run.";
    let lins = format!("It waits for a decision since 03:00 and expires 03:30. {shows}");
    assert_eq!(body(&lin).await, lins);
    assert_eq!(body(&ada).await, lins.replace("03:", "12:"));
    // A model's ideas are for both: it is told times in the instance's zone.
    world.clock.advance(minutes(5));
    let model = FakeModel::new(vec![Says::Words("{}")]);
    let (_, desk) = with_model(&world, &model);
    desk.tip(&ada).await.unwrap();
    let told = format!("{:?}", model.asked().remove(0));
    assert!(told.contains("since 03:00 and expires 03:30") && !told.contains("12:00"), "{told}");
}

#[tokio::test]
async fn a_tip_is_logged_with_the_exact_probabilities_of_three_policies_and_not_repeated() {
    let world = waiting().await;
    let ada = by("telegram:1");
    let view = world.desk.tip(&ada).await.unwrap();
    let tip = view.tip.unwrap();
    assert_eq!((tip.kind, tip.about.as_str(), tip.policy.as_str()), (TipKind::Proposal, "P-1", "egreedy-v1"));
    let record = world.all::<TipRecord>().await.remove(0);
    let policies: Vec<&str> = record.opinions.iter().map(|opinion| opinion.policy.as_str()).collect();
    assert_eq!(policies, ["egreedy-v1", "linucb-v1", "egreedy-v2"]);
    for opinion in &record.opinions {
        assert_eq!(opinion.propensities.len(), record.items.len());
        assert!((opinion.propensities.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{opinion:?}");
    }
    assert_eq!(tip.propensity, record.opinions[0].propensities[record.chosen]);
    assert!(record.propensities.is_empty(), "nothing shares the choices");
    assert_eq!((record.features_version, tip.prompt_version), (TIP_FEATURES_VERSION, None));
    let mut old = serde_json::to_value(&record).unwrap();
    old.as_object_mut().unwrap().remove("features_version");
    assert_eq!(serde_json::from_value::<TipRecord>(old).unwrap(), record, "a tip of before is of the first version");
    assert_eq!(world.events_of(tip.id).await, ["tip.shown"]);
    assert_eq!(world.desk.tip(&ada).await.unwrap().tip, None, "shown a moment ago");
    // To somebody else it is news.
    assert_eq!(world.desk.tip(&by("telegram:2")).await.unwrap().tip.unwrap().id, TipId::new(2));
}

#[tokio::test]
async fn a_word_teaches_every_policy_and_the_last_one_counts() {
    let world = waiting().await;
    let ada = by("telegram:1");
    let id = world.desk.tip(&ada).await.unwrap().tip.unwrap().id;
    let other = world.desk.tip_feedback(&by("telegram:2"), id, true).await.unwrap_err();
    assert_eq!(other.kind, ErrorKind::Forbidden);
    assert_eq!(other.message, "T-1 was shown to ada, so only ada can rate it");
    let none = world.desk.tip_feedback(&ada, TipId::new(9), true).await.unwrap_err();
    assert_eq!(none.message, "there is no tip T-9; `tip` shows one");
    assert_eq!(world.desk.tip_feedback(&ada, id, false).await.unwrap().worth, Some(0.0));
    let noise = world.all::<PolicyRow>().await;
    assert_eq!(noise.iter().map(|row| row.rewards).collect::<Vec<_>>(), [1, 1, 1]);
    world.desk.tip_feedback(&ada, id, false).await.unwrap();
    assert_eq!(world.all::<PolicyRow>().await, noise, "said before");
    world.desk.tip_feedback(&ada, id, true).await.unwrap();
    assert_ne!(world.all::<PolicyRow>().await[0].state, noise[0].state);
    assert_eq!(world.events_of(id).await, ["tip.shown", "tip.rewarded", "tip.rewarded"]);
    let status = world.desk.ranking(&ada).await.unwrap();
    let active = status.policies.iter().find(|policy| policy.id == "egreedy-v1").unwrap();
    assert_eq!((active.decisions, active.rewards, active.mean_reward), (1, 1, Some(1.0)));
}

#[tokio::test]
async fn silence_about_a_tip_teaches_no_score() {
    let mut world = waiting().await;
    let ada = by("telegram:1");
    world.desk.tip(&ada).await.unwrap();
    world.clock.advance(DAY_MS - minutes(1));
    world.tick().await;
    assert!(!world.all::<TipRecord>().await[0].silent, "there may still be a word");
    world.clock.advance(minutes(2));
    world.tick().await;
    let record = world.all::<TipRecord>().await.remove(0);
    assert!(record.silent && record.tip.worth.is_none());
    assert!(world.all::<PolicyRow>().await.iter().filter(|row| row.policy != "lints-v1").all(|row| row.rewards == 0));
    world.desk.tip_feedback(&ada, record.tip.id, true).await.unwrap();
    assert!(!world.all::<TipRecord>().await[0].silent, "a late word counts");
}

#[tokio::test]
async fn a_model_is_asked_once_for_one_state_of_the_facts() {
    let world = waiting().await;
    let idea = r#"{"title": "Run the form's tests before merging", "body": "CI has failed since #482; run them.", "based_on": ["P-1"]}"#;
    let model = FakeModel::new(vec![Says::Words(idea)]);
    let (core, desk) = with_model(&world, &model);
    let first = desk.tip(&by("telegram:1")).await.unwrap();
    let second = desk.tip(&by("telegram:1")).await.unwrap();
    let third = desk.tip(&by("telegram:1")).await.unwrap();
    assert_eq!((first.considered, second.considered, third.considered), (2, 1, 0), "{:?}", first.notice);
    assert_eq!(model.asked().len(), 1);
    let shown = [first.tip.unwrap(), second.tip.unwrap()];
    let by_model = shown.iter().find(|tip| tip.kind == TipKind::Idea).unwrap();
    assert_eq!(by_model.prompt_version.as_deref(), Some("tip-generator/v1"));
    assert_eq!(batches(&core).await.len(), 1);
    let stats = desk.prompt_stats(&by("telegram:1")).await.unwrap().prompts;
    assert_eq!((stats.len(), stats[0].shown, stats[0].rewards, stats[0].mean), (1, 1, 0, None));
    desk.tip_feedback(&by("telegram:1"), by_model.id, true).await.unwrap();
    let stats = desk.prompt_stats(&by("telegram:1")).await.unwrap().prompts.remove(0);
    assert_eq!((stats.id.as_str(), stats.version.as_str(), stats.mean), ("tip-generator", "v1", Some(1.0)));
    assert!(stats.lower >= 0.0 && stats.upper == 1.0, "{stats:?}");
}

#[tokio::test]
async fn a_model_that_takes_its_time_keeps_nobody_waiting_and_its_ideas_come_later() {
    let world = waiting().await;
    let idea = r#"{"title": "Run the form's tests before merging", "body": "CI has failed since #482; run them.", "based_on": ["P-1"]}"#;
    let model = FakeModel::new(vec![Says::Words(idea)]);
    // Whoever waits by this clock has waited long enough at once.
    let core = world.core_by(Some(Arc::clone(&model) as Arc<dyn Model>), world.clock.clone());
    let desk = Desk::new(core.clone());
    let first = desk.tip(&by("telegram:1")).await.unwrap();
    assert_eq!(first.notice.as_deref(), Some("a model's ideas are on their way; ask again in a minute"));
    assert_eq!(first.tip.unwrap().kind, TipKind::Proposal, "the tip needs no model");
    while batches(&core).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!((desk.tip(&by("telegram:2")).await.unwrap().notice, model.asked().len()), (None, 1));
}

#[tokio::test]
async fn an_idea_on_no_fact_or_said_before_is_dropped_and_a_failing_model_is_named_once() {
    let wishful = r#"{"title": "Learn a new language", "body": "It broadens the mind.", "based_on": ["wishful"]}"#;
    let short = r#"{"title": "short"}"#;
    for (answers, notice) in [(vec![wishful], false), (vec![short, short], true)] {
        let world = waiting().await;
        let model = FakeModel::new(answers.iter().copied().map(Says::Words).collect());
        let (_core, desk) = with_model(&world, &model);
        let view = desk.tip(&by("telegram:1")).await.unwrap();
        assert_eq!((view.considered, view.notice.is_some()), (1, notice), "{:?}", view.notice);
        assert_eq!(view.tip.unwrap().kind, TipKind::Proposal, "the tip needs no model");
        desk.tip(&by("telegram:2")).await.unwrap();
        assert_eq!(model.asked().len(), answers.len(), "not asked again about the same");
    }
}

#[tokio::test]
async fn an_idea_of_the_wrong_shape_can_be_mended_once() {
    let world = waiting().await;
    let mended = r#"{"title": "Run the form's tests first", "body": "CI has failed since #482.", "based_on": ["P-1"]}"#;
    let model = FakeModel::new(vec![Says::Words(r#"{"title": "short"}"#), Says::Words(mended)]);
    let (core, desk) = with_model(&world, &model);
    let view = desk.tip(&by("telegram:1")).await.unwrap();
    assert_eq!((view.considered, view.notice), (2, None));
    let batch = batches(&core).await.remove(0);
    assert_eq!((batch.ideas.len(), batch.failure), (1, None));
    assert!(model.last_shown().contains("That is not valid: the answer has no"), "{}", model.last_shown());
}

#[tokio::test]
async fn a_broken_state_begins_anew_with_a_notice_and_forgetting_erases_tips() {
    let world = waiting().await;
    let ada = by("telegram:1");
    let id = world.desk.tip(&ada).await.unwrap().tip.unwrap().id;
    world.desk.tip_feedback(&ada, id, true).await.unwrap();
    let row = world.all::<PolicyRow>().await.into_iter().find(|row| row.policy == "egreedy-v1").unwrap();
    let broken = PolicyRow { state: json!({"bandit": 1}), ..row };
    let _ = world.core.store.commit(wakeman_store::Commit::new(world.core.now()).put(&broken)).await.unwrap();
    world.clock.advance(DAY_MS);
    let view = world.desk.tip(&ada).await.unwrap();
    assert_eq!(view.tip.unwrap().about, "F-1", "its repair has expired, it still holds");
    let notice = view.notice.unwrap();
    assert!(notice.starts_with("what egreedy-v1 learnt of ada cannot be used"), "{notice}");
    assert!(notice.ends_with("`wakeman ranking reset --operator ada`"), "{notice}");
    let forgotten = world.desk.forget(&ada, OperatorId::new("ada")).await.unwrap();
    assert_eq!((forgotten.reactions, forgotten.states), (2, 3));
    assert!(world.all::<TipRecord>().await.is_empty() && world.all::<PolicyRow>().await.is_empty());
    assert_eq!(world.desk.tip(&ada).await.unwrap().tip.unwrap().about, "F-1", "as if never shown");
}

#[tokio::test]
async fn why_says_what_moved_a_tips_score_and_is_theirs_or_an_owners_to_ask() {
    let world = waiting().await;
    let (ada, lin) = (by("telegram:1"), by("telegram:2"));
    let id = world.desk.tip(&lin).await.unwrap().tip.unwrap().id;
    let first = world.desk.tip_why(&lin, id).await.unwrap();
    assert_eq!((first.operator.as_str(), first.rewards, first.silent), ("lin", 0, false));
    assert!(first.moved.iter().all(|(_, moved)| *moved == 0.0), "nothing is known yet: {:?}", first.moved);
    let preferred: Vec<&str> = first.opinions.iter().map(|opinion| opinion.policy.as_str()).collect();
    assert_eq!(preferred, ["egreedy-v1", "linucb-v1", "egreedy-v2"]);
    world.desk.tip_feedback(&lin, id, true).await.unwrap();
    let taught = world.desk.tip_why(&ada, id).await.unwrap();
    assert_eq!((taught.rewards, taught.reactions.as_slice()), (1, ["useful".to_owned()].as_slice()));
    let priority = |why: &TipWhyView| why.moved.iter().find(|(name, _)| name == "priority").unwrap().1;
    assert!(priority(&taught) > 0.1, "{:?}", taught.moved);
    let refused = world.desk.tip_why(&by("telegram:3"), id).await.unwrap_err();
    assert_eq!(refused.message, "T-1 was shown to lin, so only lin or an owner can ask why");
    assert_eq!(world.desk.tip_why(&ada, TipId::new(9)).await.unwrap_err().kind, ErrorKind::NotFound);
    // Who reacted to nothing yet starts with a little of what lin taught.
    let fresh = world.desk.tip(&ada).await.unwrap().tip.unwrap().id;
    let pooled = world.desk.tip_why(&ada, fresh).await.unwrap();
    assert_eq!(pooled.rewards, 0);
    assert!(priority(&pooled) > 0.0 && priority(&pooled) < priority(&taught), "{:?}", pooled.moved);
}

/// Some operators say of their first tip, and of the finding behind it, what it was worth.
async fn heard(words: &[(&str, bool)]) -> World {
    let world = waiting().await;
    let (finding, start) = (world.only_finding().await.id, world.core.now());
    for (who, useful) in words {
        // Each at the same minute, whoever else there is.
        world.clock.set(start.plus_ms(minutes(if who.ends_with('1') { 1 } else { 2 })));
        let id = world.desk.tip(&by(who)).await.unwrap().tip.unwrap().id;
        world.desk.tip_feedback(&by(who), id, *useful).await.unwrap();
        world.desk.feedback(&by(who), finding, *useful).await.unwrap();
    }
    world
}

#[tokio::test]
async fn what_is_forgotten_is_in_nobodys_state() {
    let states = |rows: Vec<PolicyRow>| -> Vec<(String, OperatorId, u64, serde_json::Value)> {
        let mut all: Vec<_> = rows.into_iter().map(|row| (row.policy, row.operator, row.rewards, row.state)).collect();
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    };
    let (ada, lin, bob) = ("telegram:1", "telegram:2", "telegram:4");
    let forgetting = |words: Vec<(&'static str, bool)>| async move {
        let world = heard(&words).await;
        let before = states(world.all::<PolicyRow>().await);
        let view = world.desk.forget(&by(ada), OperatorId::new("ada")).await.unwrap();
        assert_eq!((view.reactions, view.states), (2, 4));
        (before.into_iter().filter(|row| row.1.as_str() != "ada").collect(), states(world.all::<PolicyRow>().await))
    };
    // As one who never heard a word of ada's, by every policy: to the last bit, where nobody else is left to learn from.
    let (before, after): (Vec<_>, Vec<_>) = forgetting(vec![(ada, false), (lin, true)]).await;
    assert_eq!(
        after.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(),
        ["egreedy-v1", "egreedy-v2", "lints-v1", "linucb-v1"]
    );
    assert!(before.iter().zip(&after).all(|(before, after)| before.3 != after.3), "lin had a share of it");
    let never = heard(&[(lin, true)]).await;
    assert_eq!(after, states(never.all::<PolicyRow>().await));
    // Nor does anything come back by way of a third.
    let (with_noise, noise) = forgetting(vec![(ada, false), (lin, true), (bob, true)]).await;
    let (with_useful, useful) = forgetting(vec![(ada, true), (lin, true), (bob, true)]).await;
    assert_ne!(with_noise, with_useful);
    assert_eq!((noise.len(), &noise), (8, &useful));
}

#[tokio::test]
async fn scores_stats_and_features_are_ones_own_and_an_owners_to_see() {
    let world = waiting().await;
    let (ada, lin) = (by("telegram:1"), by("telegram:2"));
    let of = |operator: &str, policy: &str| LearntRequest {
        operator: (!operator.is_empty()).then(|| OperatorId::new(operator)),
        policy: (!policy.is_empty()).then(|| policy.to_owned()),
    };
    // By every policy, of every item; and nothing is shown by it.
    let scores = world.desk.ranking_scores(&lin, of("", "")).await.unwrap();
    let by_policy: Vec<(&str, &str)> = scores.scores.iter().map(|s| (s.policy.as_str(), s.about.as_str())).collect();
    assert_eq!(scores.operator.as_str(), "lin");
    assert_eq!(by_policy, [("egreedy-v1", "P-1"), ("linucb-v1", "P-1"), ("egreedy-v2", "P-1")]);
    assert!(scores.scores.iter().all(|score| score.propensity == 1.0), "{scores:?}");
    assert!(world.all::<TipRecord>().await.is_empty());
    let id = world.desk.tip(&lin).await.unwrap().tip.unwrap().id;
    world.desk.tip_feedback(&lin, id, true).await.unwrap();
    world.desk.feedback(&lin, world.only_finding().await.id, false).await.unwrap();
    let only = world.desk.ranking_scores(&ada, of("", "linucb-v1")).await.unwrap();
    assert_eq!((only.operator.as_str(), only.scores.len()), ("ada", 1));
    assert!(only.scores[0].score > scores.scores[1].score, "ada begins with a share of what lin taught");
    // What each policy's own choices brought, by operator.
    let stats = world.desk.ranking_stats(&lin, of("", "")).await.unwrap().stats;
    let told: Vec<_> = stats.iter().map(|s| (s.policy.as_str(), s.told, s.rewards, s.silent, s.mean)).collect();
    let digest = world.all::<ChoiceRecord>().await[0].chosen == Interruption::Digest;
    let noise = if digest { 0.285 } else { 0.0 };
    assert_eq!(told, [("egreedy-v1", 1, 1, 0, Some(1.0)), ("rule-v1", 1, 1, 0, Some(noise))]);
    assert!(stats[0].lower >= 0.0 && stats[0].upper == 1.0, "{stats:?}");
    assert!(world.desk.ranking_stats(&ada, of("ada", "")).await.unwrap().stats.is_empty());
    assert_eq!(world.desk.ranking_stats(&ada, of("", "rule-v1")).await.unwrap().stats.len(), 1);
    // What was seen: of a tip as much as the policy takes.
    let rows = world.desk.ranking_features(&lin, of("", "")).await.unwrap().rows;
    let seen: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.features.len(), row.reward)).collect();
    assert_eq!(seen, [("T-1", 12, Some(1.0)), ("F-1", 18, Some(noise))]);
    let five = world.desk.ranking_features(&ada, of("lin", "linucb-v1")).await.unwrap().rows;
    let names: Vec<&str> = five[0].features.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["hour_sin", "hour_cos", "overdue", "age", "priority"]);
    let unheard = world.desk.ranking_features(&ada, of("ada", "lints-v1")).await.unwrap().rows;
    assert_eq!((unheard.len(), unheard[0].reward), (1, None), "a finding is told to all, what lin made of it is lin's");
    // Of others only for owners; a name that is none is refused.
    let refused = world.desk.ranking_stats(&lin, of("ada", "")).await.unwrap_err();
    assert_eq!(refused.message, "Only an owner can look at what was learnt of ada. You are lin (approver).");
    for (policy, words) in [
        ("lints-v1", "lints-v1 scores findings, not tips; `why F-12` shows how"),
        ("linrff-v1", "linrff-v1 is for replay on files; nothing is learnt by it here"),
    ] {
        assert_eq!(world.desk.ranking_scores(&ada, of("", policy)).await.unwrap_err().message, words);
    }
    let none = world.desk.ranking_features(&ada, of("", "best-v9")).await.unwrap_err();
    assert!(none.kind == ErrorKind::Invalid && none.message.starts_with("`best-v9` is not a policy"), "{none}");
}
