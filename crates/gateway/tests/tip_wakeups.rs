//! A wakeup that tells one thing worth doing: each operator their own, in their own chats, logged with the words.

use std::sync::Arc;

use serde_json::{Value, json};
use wakeman_gateway::{
    brain::Brain,
    ports::Model,
    rank::TipRecord,
    wake::{Briefer, Wake},
};
use wakeman_types::{
    Channel, Frontend, HOUR_MS, Occurrence, OccurrenceState as S, Ranking, TipKind, View, WakeupOrder, Wakeups,
};

use crate::support::{FakeBriefer, FakeModel, NOW, Note, Says, World, by};

fn daily() -> Value {
    json!({"schedule": [{"promptId": "tip", "timeUtc": "04:00"}]})
}

/// An instance with this schedule and a repair that waits for an hour by four o'clock.
async fn world(settings: Value, wakeups: &Value) -> World {
    let mut all = json!({"approvals": {"default": {"expires": "12h"}}});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let mut world = World::with(all, "{}").await;
    world.restart_with_wakeups(wakeups).await;
    pass(&world, None).await;
    world.propose_revert().await;
    while world.core.store.claim("cli", "before", 60_000, NOW, 100).await.unwrap().pop().is_some() {}
    world.clock.set(NOW.plus_ms(HOUR_MS));
    world
}

async fn pass(world: &World, briefer: Option<Arc<dyn Briefer>>) {
    Wake::new(world.core.clone(), briefer).pass().await.unwrap();
}

async fn became(world: &World) -> Vec<String> {
    let rows = world.all::<Occurrence>().await;
    rows.iter().map(|row| format!("{} {}", row.state.name(), row.reason)).collect()
}

#[tokio::test]
async fn without_a_model_it_is_what_stands_still_and_nothing_worth_it_is_said_to_nobody() {
    let world = world(json!({}), &daily()).await;
    pass(&world, None).await;
    assert_eq!(became(&world).await, ["ran told"]);
    let record = world.all::<TipRecord>().await.remove(0);
    assert_eq!((record.tip.kind, record.operator.as_str()), (TipKind::Proposal, "cli:1000"));
    assert_eq!(world.events_of(record.tip.id).await, ["tip.shown"]);
    let claimed = world.desk.claim_deliveries(Channel::Cli, 60_000, 9).await.unwrap();
    let View::Tip(view) = &claimed.last().unwrap().delivery.view else { panic!("{claimed:?}") };
    assert_eq!(view.tip.as_ref(), Some(&record.tip));
    let thread = world.all::<Occurrence>().await[0].thread_id.clone().unwrap();
    let said = world.said(&thread).await.remove(0);
    assert!(said.starts_with("Tip: P-1 waits for you: Revert #482"), "{said}");
    // The next day it has expired; the finding still holds. The day after, that was told.
    for (hours, wanted) in [(25, "ran told"), (26, "ran told")] {
        world.clock.set(NOW.plus_ms(hours * HOUR_MS));
        pass(&world, None).await;
        assert_eq!(became(&world).await.last().unwrap(), wanted);
    }
    let owed = world.owed().await;
    world.desk.tip_feedback(&by("cli:1000"), world.all::<TipRecord>().await[1].tip.id, false).await.unwrap();
    world.clock.set(NOW.plus_ms(49 * HOUR_MS));
    pass(&world, None).await;
    assert_eq!(became(&world).await.last().unwrap(), "ran nothing worth a tip");
    assert_eq!(world.owed().await, owed, "nobody is woken for nothing");
}

#[tokio::test]
async fn each_operator_gets_their_own_in_their_own_chats_and_only_they_judge_it() {
    let settings = json!({"runtime": {"channels": ["telegram"]}, "operators": [
        {"id": "ada", "role": "owner", "principals": ["telegram:1"]},
        {"id": "lin", "role": "approver", "principals": ["telegram:2"]},
        {"id": "bob", "role": "approver", "principals": ["telegram:4"], "quietHours": ["03:30-05:00"], "timezone": "UTC"},
    ]});
    let world = world(settings, &daily()).await;
    while world.core.store.claim("telegram", "before", 60_000, NOW, 100).await.unwrap().pop().is_some() {}
    pass(&world, None).await;
    assert_eq!(became(&world).await, ["ran told 2 operators"], "bob wants quiet");
    let records = world.all::<TipRecord>().await;
    assert_eq!(records.iter().map(|record| record.operator.as_str()).collect::<Vec<_>>(), ["ada", "lin"]);
    let claimed = world.desk.claim_deliveries(Channel::Telegram, 60_000, 20).await.unwrap();
    let tips: Vec<_> = claimed.iter().filter(|one| matches!(one.delivery.view, View::Tip(_))).collect();
    assert_eq!(tips.iter().map(|one| one.delivery.chat.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(
        tips[0].buttons.iter().map(|button| button.label.as_str()).collect::<Vec<_>>(),
        ["Useful", "Noise", "Why"]
    );
    let refused = world.desk.tip_feedback(&by("telegram:2"), records[0].tip.id, true).await.unwrap_err();
    assert_eq!(refused.message, "T-1 was shown to ada, so only ada can rate it");
    world.desk.tip_feedback(&by("telegram:1"), records[0].tip.id, true).await.unwrap();
}

#[tokio::test]
async fn with_a_model_its_idea_can_be_the_tip_and_its_prompt_is_kept() {
    let twice = json!([{"promptId": "tip", "timeUtc": "04:00"}, {"promptId": "tip", "timeUtc": "05:00"}]);
    let world = world(json!({}), &json!({"schedule": twice})).await;
    let idea = r#"{"title": "Test the form before merging", "body": "Sign-ups fell with #482; run its tests first.", "based_on": ["P-1"]}"#;
    let model = FakeModel::new(vec![Says::Words(idea)]);
    for hour in [1, 2] {
        world.clock.set(NOW.plus_ms(hour * HOUR_MS));
        let core = world.core_with_model(Some(Arc::clone(&model) as Arc<dyn Model>));
        let brain = Brain::new(Arc::clone(&core));
        Wake::thinking(core, brain).pass().await.unwrap();
    }
    assert_eq!(model.asked().len(), 1, "the facts are the same");
    let shown = world.all::<TipRecord>().await;
    let ideas: Vec<_> = shown.iter().filter(|record| record.tip.kind == TipKind::Idea).collect();
    assert_eq!((shown.len(), shown[0].items.len(), ideas.len()), (2, 2, 1), "{shown:?}");
    assert_eq!(ideas[0].tip.prompt_version.as_deref(), Some("tip-generator/v1"));
    let thread = world.all::<Occurrence>().await.into_iter().find(|row| row.at == ideas[0].tip.at).unwrap().thread_id;
    let said = world.said(&thread.unwrap()).await.remove(0);
    assert!(said.starts_with("Model's tip: Test the form before merging"), "{said}");
    let stats = world.desk.prompt_stats(&by("telegram:1")).await.unwrap().prompts;
    assert_eq!(stats.iter().map(|stat| stat.shown).sum::<u64>(), 1);
}

#[tokio::test]
async fn a_slot_that_a_restart_cut_tells_once_and_logs_once() {
    let mut world = world(json!({}), &daily()).await;
    // Begun, and then the process was gone; the disk was full at the first start after it.
    let id = world.desk.wakeups(&by("telegram:1")).await.unwrap().remove(0).id;
    world.clock.set(NOW.plus_ms(HOUR_MS / 2));
    world.desk.order_wakeup(&by("telegram:1"), WakeupOrder::Run { id }).await.unwrap();
    world.restart().await;
    world.core.store.fail_next(wakeman_store::Fault::Full);
    assert!(Wake::new(world.core.clone(), None).pass().await.is_err());
    for _ in 0..2 {
        world.restart().await;
        pass(&world, None).await;
    }
    assert_eq!(became(&world).await, ["ran told"]);
    assert_eq!(world.all::<TipRecord>().await.len(), 1);
}

#[tokio::test]
async fn a_persons_own_prompt_of_that_name_is_asked_as_they_wrote_it() {
    let own = json!({"prompts": {"tip": {"title": "Mine", "prompt": "One tip, please."}},
        "schedule": [{"promptId": "tip", "timeUtc": "04:00"}]});
    let world = world(json!({}), &own).await;
    let briefer = FakeBriefer::new();
    briefer.next(Note::Says("Do it."));
    pass(&world, Some(briefer.clone())).await;
    assert_eq!(briefer.asked().len(), 1);
    assert!(world.all::<TipRecord>().await.is_empty());
    assert!(world.all::<Occurrence>().await.iter().all(|row| row.state == S::Ran));
}
