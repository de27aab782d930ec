//! What is owed to whom: by severity and route, each chat in order, three tries and no more.

use serde_json::json;
use wakeman_store::{Commit, OutboxRow, OutboxState};
use wakeman_types::{
    Channel, ChoiceRecord, ClaimedDelivery, DeliveryClass, DeliveryReport, ErrorKind, Frontend, FrontendHealth,
    Interruption, View,
};

use crate::support::{World, minutes};

async fn claim(world: &World, channel: Channel) -> Vec<ClaimedDelivery> {
    world.desk.claim_deliveries(channel, 30_000, 100).await.unwrap()
}

/// An instance whose finding has been told.
async fn told(routes: serde_json::Value) -> World {
    let mut world = World::code_only_with(json!({"routes": routes}), "{}").await;
    world.break_the_build();
    world.tick().await;
    assert_eq!(world.all::<ChoiceRecord>().await[0].chosen, Interruption::Now, "the fixture interrupts");
    world
}

#[tokio::test]
async fn each_route_gets_what_is_bad_enough_for_it_and_the_terminal_what_nobody_else_does() {
    let table = [
        (json!([]), 1, 0),
        (json!([{"to": ["telegram"]}]), 0, 4),
        (json!([{"to": ["telegram"]}, {"to": ["telegram", "cli"]}]), 1, 4),
        (json!([{"to": ["telegram"], "minSeverity": "critical"}]), 1, 0),
        (json!([{"to": ["discord"]}]), 1, 0),
    ];
    for (routes, cli, telegram) in table {
        let world = told(routes.clone()).await;
        let chats = |claimed: &[ClaimedDelivery]| claimed.iter().map(|c| c.delivery.chat.clone()).collect::<Vec<_>>();
        assert_eq!(chats(&claim(&world, Channel::Cli).await).len(), cli, "{routes}");
        assert_eq!(chats(&claim(&world, Channel::Telegram).await).len(), telegram, "{routes}");
    }
}

#[tokio::test]
async fn a_chat_gets_the_finding_first_and_the_card_after_it_was_sent() {
    let world = told(json!([])).await;
    let first = claim(&world, Channel::Cli).await.remove(0);
    assert!(matches!(first.delivery.view, View::Finding(_)));
    assert!(claim(&world, Channel::Cli).await.is_empty(), "one at a time");
    let sent = || DeliveryReport::Sent { reference: None };
    world.desk.confirm_delivery(&first.delivery.id, first.epoch, sent()).await.unwrap();
    let card = claim(&world, Channel::Cli).await.remove(0);
    assert_eq!(card.delivery.class, DeliveryClass::Card);
    assert_eq!(card.delivery.thread, first.delivery.thread);
    world.desk.confirm_delivery(&card.delivery.id, card.epoch, sent()).await.unwrap();
    assert!(claim(&world, Channel::Cli).await.is_empty());
    // Who was shown it outlives the message: it is in the journal, with the digest.
    let View::Proposal(shown) = &card.delivery.view else { panic!("{card:?}") };
    let story = wakeman_gateway::audit::story(&world.core.store, shown.proposal.id).await.unwrap().unwrap();
    let delivered = story.lines.iter().find(|line| line.event == "card.delivered").unwrap();
    assert!(delivered.actor.starts_with("cli:"), "{delivered:?}");
    assert_eq!(delivered.payload.as_ref().unwrap()["digest"], shown.proposal.digest.as_str());
}

#[tokio::test]
async fn three_tries_and_then_it_is_put_aside_but_an_outage_costs_none() {
    let world = told(json!([])).await;
    for _ in 0..5 {
        let claimed = claim(&world, Channel::Cli).await.remove(0);
        let away = DeliveryReport::Unavailable { reason: "no network".to_owned() };
        world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, away).await.unwrap();
        assert!(claim(&world, Channel::Cli).await.is_empty(), "left alone for a while");
        world.clock.advance(minutes(1));
    }
    let mut tries = 0;
    while world.core.store.outbox_count(OutboxState::Failed).await.unwrap() == 0 {
        let claimed = claim(&world, Channel::Cli).await.remove(0);
        let not_before = world.core.now().plus_ms(1000);
        let retry = DeliveryReport::Retry { not_before, reason: "429".to_owned() };
        world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, retry).await.unwrap();
        world.clock.advance(20_000);
        tries += 1;
    }
    assert_eq!(tries, 3);
    assert_eq!(claim(&world, Channel::Cli).await[0].delivery.class, DeliveryClass::Card, "the queue moves on");
}

#[tokio::test]
async fn a_platform_that_asks_to_wait_is_waited_for_and_costs_no_try() {
    let world = told(json!([])).await;
    for _ in 0..5 {
        let claimed = claim(&world, Channel::Cli).await.remove(0);
        assert_eq!(claimed.attempt, 1);
        let busy = DeliveryReport::Busy { not_before: world.core.now().plus_ms(90_000), reason: "429".to_owned() };
        world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, busy).await.unwrap();
        world.clock.advance(minutes(1));
        assert!(claim(&world, Channel::Cli).await.is_empty(), "not before it was asked for");
        world.clock.advance(minutes(1));
    }
    assert_eq!(claim(&world, Channel::Cli).await.len(), 1);
}

#[tokio::test]
async fn a_lease_that_lapsed_confirms_nothing() {
    let world = told(json!([])).await;
    let slow = claim(&world, Channel::Cli).await.remove(0);
    world.clock.advance(minutes(2));
    let quick = claim(&world, Channel::Cli).await.remove(0);
    assert_eq!(quick.delivery.id, slow.delivery.id);
    let sent = || DeliveryReport::Sent { reference: None };
    let late = world.desk.confirm_delivery(&slow.delivery.id, slow.epoch, sent()).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Conflict);
    world.desk.confirm_delivery(&quick.delivery.id, quick.epoch, sent()).await.unwrap();
}

#[tokio::test]
async fn a_message_of_another_version_does_not_block_its_chat() {
    let world = World::code_only().await;
    let strange = OutboxRow {
        id: "dlv_strange".to_owned(),
        channel: "cli".to_owned(),
        chat: "local".to_owned(),
        body: json!({"view": {"view": "hologram"}}),
        not_before: world.core.now(),
    };
    world.commit(Commit::new(world.core.now()).send(strange)).await;
    assert!(claim(&world, Channel::Cli).await.is_empty());
    let aside = world.core.store.outbox_item("dlv_strange").await.unwrap().unwrap();
    assert_eq!(aside.state, OutboxState::Failed);
}

#[tokio::test]
async fn a_card_in_doubt_is_resent_once_marked_and_an_alert_until_its_tries_are_used_up() {
    for (class, handed_out) in [(DeliveryClass::Card, 2), (DeliveryClass::Alert, 3)] {
        let world = told(json!([])).await;
        let mut times = 0;
        for _ in 0..20 {
            let Some(claimed) = claim(&world, Channel::Cli).await.pop() else {
                world.clock.advance(minutes(2));
                continue;
            };
            if claimed.delivery.class == class {
                times += 1;
                assert_eq!(claimed.in_doubt, times > 1, "marked from the second time on");
                // The frontend dies while it sends: nobody confirms.
                world.clock.advance(minutes(2));
                continue;
            }
            let sent = DeliveryReport::Sent { reference: None };
            world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, sent).await.unwrap();
        }
        assert_eq!(times, handed_out, "{class:?}");
        assert_eq!(world.core.store.outbox_count(OutboxState::Failed).await.unwrap(), 1, "for review");
    }
}

#[tokio::test]
async fn a_channel_that_was_away_says_since_when_before_what_follows_late() {
    for (minutes_away, noticed) in [(31, true), (0, false)] {
        let world = told(json!([{"to": ["telegram"]}])).await;
        let chat = claim(&world, Channel::Telegram).await.remove(0).delivery.chat;
        let mine = async || claim(&world, Channel::Telegram).await.into_iter().find(|c| c.delivery.chat == chat);
        // Away for the same message twice is one absence.
        for _ in 0..2 {
            world.clock.advance(31_000);
            let claimed = mine().await.unwrap();
            let away = DeliveryReport::Unavailable { reason: "502".to_owned() };
            world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, away).await.unwrap();
        }
        for _ in 0..2 {
            world.commit(Commit::new(world.core.now()).send(late(&world, &chat))).await;
        }
        world.clock.advance(minutes(minutes_away).max(16_000));
        let mut said = Vec::new();
        for _ in 0..10 {
            // A line that has nothing to say leaves its turn to the next claim.
            let Some(next) = mine().await else { continue };
            if let View::Notice(notice) = &next.delivery.view {
                said.push(notice.text.clone());
            }
            let sent = DeliveryReport::Sent { reference: Some("1".to_owned()) };
            world.desk.confirm_delivery(&next.delivery.id, next.epoch, sent).await.unwrap();
        }
        let line = "Telegram was unreachable 03:00–03:32; 2 messages follow late.";
        let wanted = if noticed { vec![line, "late", "late"] } else { vec!["late", "late"] };
        assert_eq!(said, wanted);
    }
}

#[tokio::test]
async fn a_line_that_could_not_be_sent_does_not_silence_the_next_absence() {
    let world = World::with(json!({"routes": [{"to": ["telegram"]}]}), "{}").await;
    let away = || DeliveryReport::Unavailable { reason: "502".to_owned() };
    let mut said = Vec::new();
    for report in [DeliveryReport::Failed { reason: "403".to_owned() }, DeliveryReport::Sent { reference: None }] {
        world.commit(Commit::new(world.core.now()).send(late(&world, "1"))).await;
        let claimed = claim(&world, Channel::Telegram).await.remove(0);
        world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, away()).await.unwrap();
        world.clock.advance(minutes(5));
        while let Some(next) = claim(&world, Channel::Telegram).await.pop() {
            let View::Notice(notice) = &next.delivery.view else { panic!("{next:?}") };
            said.push(notice.text.clone());
            let line = notice.text.starts_with("Telegram was");
            let report = if line { report.clone() } else { DeliveryReport::Sent { reference: None } };
            world.desk.confirm_delivery(&next.delivery.id, next.epoch, report).await.unwrap();
        }
    }
    assert_eq!(said.iter().filter(|text| text.starts_with("Telegram was")).count(), 2, "{said:?}");
}

#[tokio::test]
async fn what_one_chat_refuses_is_owed_where_it_is_heard_instead_and_status_counts_it() {
    for fallback in [json!(["cli"]), json!([])] {
        let world = told(json!([{"to": ["telegram"], "fallback": fallback}])).await;
        let refused = || DeliveryReport::Failed { reason: "403: the bot was blocked".to_owned() };
        for claimed in claim(&world, Channel::Telegram).await.into_iter().filter(|c| c.delivery.chat == "1") {
            world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, refused()).await.unwrap();
        }
        let instead = claim(&world, Channel::Cli).await;
        assert_eq!(instead.len(), 1, "{fallback}");
        assert!(matches!(instead[0].delivery.view, View::Finding(_)));
        // Refused there too, that is the end of it. A line that is no alert is not owed again at all.
        world.desk.confirm_delivery(&instead[0].delivery.id, instead[0].epoch, refused()).await.unwrap();
        world.commit(Commit::new(world.core.now()).send(late(&world, "9"))).await;
        let line = claim(&world, Channel::Telegram).await.into_iter().find(|c| c.delivery.chat == "9").unwrap();
        world.desk.confirm_delivery(&line.delivery.id, line.epoch, refused()).await.unwrap();
        assert!(claim(&world, Channel::Cli).await.is_empty());
        assert_eq!(world.desk.status_now().await.unwrap().undelivered, 3);
    }
}

#[tokio::test]
async fn what_one_operators_chat_refuses_goes_to_the_fallback_of_their_own_route() {
    let world = told(json!([
        {"operators": ["lin", "grace"], "to": ["telegram"], "fallback": ["cli"]},
        {"operators": ["ada"], "to": ["telegram"], "fallback": ["discord"]},
    ]))
    .await;
    let mut core = world.core_by(None, world.clock.clone());
    std::sync::Arc::get_mut(&mut core).unwrap().served.push(Channel::Discord);
    let desk = wakeman_gateway::Desk::new(core);
    let refused = || DeliveryReport::Failed { reason: "403: the bot was blocked".to_owned() };
    for claimed in claim(&world, Channel::Telegram).await.into_iter().filter(|c| c.delivery.chat == "1") {
        desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, refused()).await.unwrap();
    }
    assert!(claim(&world, Channel::Cli).await.is_empty(), "that is lin's and grace's");
    assert_eq!(desk.claim_deliveries(Channel::Discord, 30_000, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn while_none_of_its_channels_works_a_route_goes_to_its_fallback_too() {
    let mut world = World::code_only_with(json!({"routes": [{"to": ["telegram"], "fallback": ["cli"]}]}), "{}").await;
    let ill = FrontendHealth { ok: false, detail: "502".to_owned(), within_ms: minutes(5) };
    world.desk.report_health(Channel::Telegram, ill).await.unwrap();
    world.clock.advance(minutes(2));
    world.break_the_build();
    world.tick().await;
    assert_eq!((claim(&world, Channel::Cli).await.len(), claim(&world, Channel::Telegram).await.len()), (1, 4));
}

/// The words that a delivery is shown with.
fn shown(claimed: &ClaimedDelivery) -> String {
    let context = wakeman_present::RenderContext::new(crate::support::NOW, chrono_tz::Tz::UTC);
    wakeman_present::plain(&wakeman_present::delivery_doc(&claimed.delivery, &context))
}

#[tokio::test]
async fn what_waits_for_a_channel_that_dies_goes_to_the_fallback_once_marked_and_not_there_too() {
    let mut world = told(json!([{"to": ["telegram"], "fallback": ["discord"]}])).await;
    let mut core = world.core_by(None, world.clock.clone());
    std::sync::Arc::get_mut(&mut core).unwrap().served.push(Channel::Discord);
    world.core = core.clone();
    let desk = std::sync::Arc::new(wakeman_gateway::Desk::new(core.clone()));
    let inbox = wakeman_gateway::Inbox::new(core.clone(), desk.clone());
    let look = async || inbox.clone().run(std::future::ready(())).await;
    let on_discord = async || desk.claim_deliveries(Channel::Discord, 30_000, 100).await.unwrap();
    let sent = || DeliveryReport::Sent { reference: Some("7".to_owned()) };
    // One got its finding; with another it is being sent, and nobody says what became of it.
    for claimed in desk.claim_deliveries(Channel::Telegram, 30_000, 100).await.unwrap() {
        match claimed.delivery.chat.as_str() {
            "1" => {}
            "2" => desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, sent()).await.unwrap(),
            _ => {
                let away = DeliveryReport::Unavailable { reason: "502".to_owned() };
                desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, away).await.unwrap();
            }
        }
    }
    // Not by the first poll that fails.
    let ill = FrontendHealth { ok: false, detail: "502".to_owned(), within_ms: minutes(5) };
    desk.report_health(Channel::Telegram, ill.clone()).await.unwrap();
    look().await;
    assert!(on_discord().await.is_empty());
    world.clock.advance(minutes(2));
    let mut told = Vec::new();
    for _ in 0..4 {
        look().await;
        for claimed in on_discord().await {
            desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, sent()).await.unwrap();
            told.push(claimed);
        }
        world.clock.advance(6_000);
    }
    let alerts: Vec<&ClaimedDelivery> = told.iter().filter(|c| !matches!(c.delivery.view, View::Notice(_))).collect();
    let kinds: Vec<bool> = alerts.iter().map(|c| matches!(c.delivery.view, View::Proposal(_))).collect();
    assert_eq!(kinds, [false, true], "the finding, then its card, once: {told:#?}");
    for alert in &alerts {
        assert_eq!(alert.delivery.instead_of, Some(Channel::Telegram));
        assert!(shown(alert).contains("Told here because Telegram did not confirm it."), "{}", shown(alert));
    }
    // Telegram gets none of it later.
    desk.report_health(Channel::Telegram, FrontendHealth { ok: true, ..ill }).await.unwrap();
    let late = desk.claim_deliveries(Channel::Telegram, 30_000, 100).await.unwrap();
    assert!(late.iter().all(|c| c.delivery.class == DeliveryClass::Note), "{late:#?}");
}

/// The findings and cards that the terminal is owed, told.
async fn alerts_at_the_terminal(world: &World) -> usize {
    let desk = std::sync::Arc::new(wakeman_gateway::Desk::new(world.core.clone()));
    let inbox = wakeman_gateway::Inbox::new(world.core.clone(), desk);
    let mut alerts = 0;
    for _ in 0..4 {
        world.clock.advance(6_000);
        inbox.clone().run(std::future::ready(())).await;
        for claimed in claim(world, Channel::Cli).await {
            let sent = DeliveryReport::Sent { reference: None };
            world.desk.confirm_delivery(&claimed.delivery.id, claimed.epoch, sent).await.unwrap();
            alerts += usize::from(matches!(claimed.delivery.view, View::Finding(_) | View::Proposal(_)));
        }
    }
    alerts
}

#[tokio::test]
async fn the_terminal_stands_in_while_somebody_sits_there_and_says_nothing_twice() {
    let routes = json!([{"to": ["telegram"], "fallback": ["cli"]}]);
    let ill = || FrontendHealth { ok: false, detail: "502".to_owned(), within_ms: minutes(5) };
    // Owed before Telegram died: it waits for Telegram until somebody is there to read it.
    let world = told(routes.clone()).await;
    world.desk.report_health(Channel::Telegram, ill()).await.unwrap();
    world.clock.advance(minutes(2));
    assert_eq!(alerts_at_the_terminal(&world).await, 0);
    let sits = world.desk.live(Channel::Cli).await.unwrap();
    assert_eq!(alerts_at_the_terminal(&world).await, 2, "four chats have one terminal");
    drop(sits);
    // Owed after that: it was told here with it.
    let mut world = World::code_only_with(json!({"routes": routes}), "{}").await;
    world.desk.report_health(Channel::Telegram, ill()).await.unwrap();
    world.clock.advance(minutes(2));
    let _sits = world.desk.live(Channel::Cli).await.unwrap();
    world.break_the_build();
    world.tick().await;
    assert_eq!(alerts_at_the_terminal(&world).await, 2);
}

#[tokio::test]
async fn a_route_may_be_for_some_kinds_of_messages_and_for_some_operators_alone() {
    let routes = json!({"routes": [
        {"kinds": ["finding"], "operators": ["ada", "grace"], "to": ["telegram"]},
        {"kinds": ["proposal"], "operators": ["lin"], "to": ["discord"], "fallback": ["telegram"]},
    ]});
    let mut world = World::code_only_with(routes, "{}").await;
    world.break_the_build();
    world.tick().await;
    let told = claim(&world, Channel::Telegram).await;
    let mut told: Vec<_> =
        told.iter().map(|c| (c.delivery.chat.as_str(), matches!(c.delivery.view, View::Proposal(_)))).collect();
    told.sort_unstable();
    assert_eq!(told, [("1", false), ("2", true), ("3", false)]);
    assert!(claim(&world, Channel::Cli).await.is_empty());
}

/// What the store holds of an absence, unreadable.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Unreadable;

impl wakeman_types::Entity for Unreadable {
    const KIND: &'static str = "away";

    fn entity_id(&self) -> String {
        "telegram:1".to_owned()
    }

    fn sort_key(&self) -> i64 {
        0
    }
}

#[tokio::test]
async fn one_message_that_cannot_be_made_ready_keeps_no_other_from_going_out() {
    let world = World::new().await;
    let mut line = late(&world, "1");
    line.body["view"]["text"] = json!("");
    let commit = Commit::new(world.core.now()).put(&Unreadable).send(line).send(late(&world, "2"));
    world.commit(commit).await;
    let claimed = claim(&world, Channel::Telegram).await;
    assert_eq!(claimed.iter().map(|c| c.delivery.chat.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(world.core.store.outbox_count(OutboxState::Pending).await.unwrap(), 1, "given back, not leased");
}

/// A message owed to `chat`.
fn late(world: &World, chat: &str) -> OutboxRow {
    let number = world.core.random.number();
    let body = json!({
        "id": format!("dlv_{number:016x}"), "channel": "telegram", "chat": chat, "thread": null, "class": "note",
        "severity": "info", "finding": null, "view": {"view": "notice", "text": "late"}, "created_at": world.core.now(),
    });
    OutboxRow {
        id: format!("dlv_{number:016x}"),
        channel: "telegram".to_owned(),
        chat: chat.to_owned(),
        body,
        not_before: world.core.now(),
    }
}
