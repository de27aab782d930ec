//! Killed at every step of receive, accept, deliver, confirm: nothing is lost, nothing is said twice.

use wakeman_types::{DeliveryReport, LiveEvent};

use crate::desk::{Halt, note};
use crate::world::{World, words};

async fn killed_at(halt: Halt) {
    let mut world = World::new().await;
    world.say("dm", "first").await;
    world.inbound(1).await;
    world.desk.state().halt = Some(halt);
    world.say("dm", "second").await;
    if !matches!(halt, Halt::BeforeAccept | Halt::AfterAccept) {
        world.inbound(2).await;
        world.desk.owe(note("d1", "dm:4001", "an answer"));
    }
    world.halted().await;
    world.kill().await;
    world.say("dm", "third").await;
    world.start().await;
    if matches!(halt, Halt::BeforeAccept | Halt::AfterAccept) {
        world.desk.owe(note("d1", "dm:4001", "an answer"));
    }
    let all = world.inbound(3).await;
    let texts: Vec<&str> = all.iter().map(words).collect();
    assert_eq!(texts, ["first", "second", "third"], "{halt:?}");
    let reports = world.reports(1).await;
    assert!(matches!(&reports[0].1, DeliveryReport::Sent { reference: Some(_) }), "{halt:?}: {reports:?}");
    let said = world.said("dm:4001").await;
    assert_eq!(said.iter().filter(|text| text.starts_with("an answer")).count(), 1, "{halt:?}: {said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_step_nothing_is_lost_and_nothing_is_said_twice() {
    for halt in [Halt::BeforeAccept, Halt::AfterAccept, Halt::AfterClaim, Halt::BeforeConfirm, Halt::AfterConfirm] {
        killed_at(halt).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_growing_answer_whose_place_was_never_stored_is_found_by_its_end() {
    let mut world = World::new().await;
    world.say("dm", "why").await;
    world.inbound(1).await;
    world.desk.state().halt = Some(Halt::BeforePlaced);
    let text = "because".to_owned();
    let (chat, key) = ("dm:4001".to_owned(), "turn:t1".to_owned());
    world.desk.tell(LiveEvent::Text { chat, key: key.clone(), reply_to: None, text });
    world.halted().await;
    world.kill().await;
    world.start().await;
    let mut end = note("d1", "dm:4001", "because of #482");
    end.delivery.key = Some(key);
    world.desk.owe(end);
    world.reports(1).await;
    assert_eq!(world.said("dm:4001").await, ["because of \\#482"]);
}
