//! What is owed, as people see it, whatever Discord answers.

use serde_json::json;
use wakeman_types::{DeliveryReport, LiveEvent};

use crate::desk::{Halt, note};
use crate::samples;
use crate::world::World;

async fn ready() -> World {
    let world = World::new().await;
    world.say("dm", "hi").await;
    world.inbound(1).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_served_in_order_and_nothing_in_it_pings_or_previews() {
    let world = ready().await;
    for n in 0..8 {
        world.desk.owe(note(&format!("d{n}"), "dm:4001", &format!("{n} <@4001> @everyone https://a.example/x")));
    }
    world.reports(8).await;
    let seen = world.seen("dm:4001").await;
    let ours: Vec<_> = seen.iter().filter(|one| one["author"] != "4001").collect();
    assert_eq!(ours.len(), 8);
    for (n, one) in ours.iter().enumerate() {
        assert!(one["content"].as_str().unwrap().starts_with(&format!("{n} ")), "{one}");
        assert_eq!((&one["pings"], &one["previews"]), (&json!([]), &json!(false)), "{one}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direct_messages_are_opened_for_somebody_who_never_spoke() {
    let world = World::new().await;
    world.play(json!({"do": "say", "user": "4007", "channel": "general", "text": "I am here"})).await;
    world.desk.owe(note("d1", "dm:4007", "good morning"));
    world.desk.owe(note("d2", "dm:9", "nobody"));
    let reports = world.reports(2).await;
    let failed = reports.iter().find(|(id, _)| id == "d2").unwrap();
    assert!(matches!(&failed.1, DeliveryReport::Failed { .. }), "{failed:?}");
    assert_eq!(world.said("dm:4007").await, ["good morning"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_replies_errors_and_throttling_end_in_one_message() {
    for (pattern, mode) in
        [("POST .*/messages", "applied"), ("POST .*/messages", "reply_lost"), ("POST .*/messages", "not_applied")]
    {
        let world = ready().await;
        world.fault(pattern, mode, 2).await;
        world.desk.owe(note("d1", "dm:4001", "once"));
        let reports = world.reports(1).await;
        assert!(matches!(&reports[0].1, DeliveryReport::Sent { .. }), "{mode}: {reports:?}");
        assert_eq!(world.said("dm:4001").await, ["once"], "{mode}");
    }
    for global in [false, true] {
        let world = ready().await;
        world.play(json!({"do": "throttle", "match": "POST .*/messages", "retry_after": 0.05, "global": global, "times": 2})).await;
        world.desk.owe(note("d1", "dm:4001", "once"));
        world.reports(1).await;
        assert_eq!(world.said("dm:4001").await, ["once"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_no_try_and_nothing_is_claimed_before_discord_answers_again() {
    for mode in ["not_applied", "reply_lost"] {
        let world = ready().await;
        world.fault("POST .*/messages", mode, 9).await;
        world.fault("GET .*/users/@me$", "not_applied", 6).await;
        let begun = std::time::Instant::now();
        world.desk.owe(note("d1", "dm:4001", "once"));
        let reports = world.reports(4).await;
        assert!(begun.elapsed().as_millis() > 200, "six tries to find Discord well come first");
        let away = |report: &DeliveryReport| matches!(report, DeliveryReport::Unavailable { .. });
        assert!(reports[..3].iter().all(|(_, report)| away(report)), "{mode}: {reports:?}");
        assert!(matches!(&reports[3].1, DeliveryReport::Sent { .. }), "{mode}: {reports:?}");
        assert_eq!(world.said("dm:4001").await, ["once"], "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_nothing_can_be_sent_is_told_although_the_socket_is_well() {
    let world = ready().await;
    let told = async |want: (bool, &str)| {
        let is = async |world: &World| {
            let health = world.desk.state().health.last().cloned()?;
            ((health.ok, health.detail.as_str()) == want).then_some(())
        };
        world.until(&format!("told {want:?}"), is).await;
    };
    told((true, "connected")).await;
    world.fault("POST .*/messages", "not_applied", 30).await;
    world.desk.owe(note("d1", "dm:4001", "once"));
    told((false, "cannot send: Discord answers with error 502")).await;
    told((true, "connected")).await;
    assert_eq!(world.said("dm:4001").await, ["once"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_gets_through_while_others_do_costs_its_tries() {
    let world = ready().await;
    let bad = world.play(json!({"do": "channel", "name": "bad"})).await;
    world.fault(&format!("POST .*/channels/{bad}/messages"), "not_applied", 10_000).await;
    world.desk.owe(note("bad", &bad, "never"));
    let of = |id: &str| -> Vec<DeliveryReport> {
        let state = world.desk.state();
        state.reports.iter().filter(|(known, _)| known == id).map(|(_, report)| report.clone()).collect()
    };
    let mut others = 0;
    let costs = |report: &DeliveryReport| matches!(report, DeliveryReport::Retry { .. });
    while !of("bad").iter().any(costs) {
        let other = format!("d{others}");
        world.desk.owe(note(&other, "dm:4001", "others get through"));
        world.until("another", async |_| (!of(&other).is_empty()).then_some(())).await;
        others += 1;
    }
    let all = of("bad");
    let free = all.iter().take_while(|report| matches!(report, DeliveryReport::Unavailable { .. })).count();
    assert!(free >= 2, "not at once: {all:?}");
    let DeliveryReport::Retry { reason, .. } = &all[free] else { panic!("{all:?}") };
    assert_eq!(reason, "Discord answers with error 502; this message failed every time although others get through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_unheard_gets_the_buttons_that_count_when_it_is_sent_again() {
    let world = ready().await;
    let button = |reference: &str| wakeman_types::CardButton {
        label: "Approve".into(),
        reference: reference.into(),
        style: wakeman_types::ButtonStyle::Yes,
        asks_reason: false,
    };
    world.fault("POST .*/messages", "reply_lost", 3).await;
    world.desk.state().halt = Some(Halt::BeforeConfirm);
    let card = |reference: &str| wakeman_types::ClaimedDelivery {
        buttons: vec![button(reference)],
        ..note("d1", "dm:4001", "a card")
    };
    world.desk.owe(card("first"));
    world.halted().await;
    // The gateway makes new references for every claim.
    let mut world = world;
    world.kill().await;
    world.desk.disown();
    world.start().await;
    world.desk.owe(card("second"));
    world.reports(1).await;
    let seen: Vec<_> = world.seen("dm:4001").await.into_iter().filter(|one| one["content"] == "a card").collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["buttons"][0]["id"], "p:second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_is_slow_holds_up_no_other() {
    let world = ready().await;
    let slow = world.play(json!({"do": "channel", "name": "slow"})).await;
    // Never answered, neither what is owed there nor what grows there.
    world.fault(&format!("POST .*/channels/{slow}/messages"), "never", 100).await;
    world.desk.owe(note("d1", &slow, "stuck"));
    let grows = |chat: &str, key: &str| LiveEvent::Text {
        chat: chat.to_owned(),
        key: key.to_owned(),
        reply_to: None,
        text: "growing".to_owned(),
    };
    world.desk.tell(grows(&slow, "turn:t1"));
    for n in 0..3 {
        world.desk.owe(note(&format!("e{n}"), "dm:4001", &format!("fine {n}")));
        world.reports(1 + n).await;
    }
    world.desk.tell(grows("dm:4001", "turn:t2"));
    world.until("grown", async |world| world.said("dm:4001").await.contains(&"growing".to_owned()).then_some(())).await;
    assert!(world.reports(3).await.iter().all(|(id, _)| id.starts_with('e')), "before the slow one gave up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_is_longer_than_the_lease_is_handed_on_and_costs_no_try() {
    let world = ready().await;
    let wait = json!({"do": "throttle", "match": "POST .*/messages", "retry_after": 600, "global": false, "times": 1});
    world.play(wait).await;
    world.desk.owe(note("d1", "dm:4001", "later"));
    let reports = world.reports(1).await;
    let DeliveryReport::Busy { not_before, .. } = &reports[0].1 else { panic!("{reports:?}") };
    let wait = not_before.since(wakeman_types::Timestamp::from_ms(1_767_600_000_000));
    assert!((590_000..=600_000).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_is_told_as_failed_and_others_go_on() {
    let world = ready().await;
    let closed = world.play(json!({"do": "channel", "name": "closed"})).await;
    world.play(json!({"do": "forbid", "channel": "closed", "on": true})).await;
    world.desk.owe(note("d1", &closed, "no way in"));
    world.desk.owe(note("d2", "dm:4001", "here"));
    let reports = world.reports(2).await;
    let of = |id: &str| reports.iter().find(|(known, _)| known == id).map(|(_, report)| report.clone()).unwrap();
    assert!(matches!(of("d1"), DeliveryReport::Failed { reason } if reason.contains("Missing Access")));
    assert!(matches!(of("d2"), DeliveryReport::Sent { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_a_place_is_edited_there_and_sent_anew_if_it_is_gone() {
    let world = ready().await;
    world.desk.owe(note("d1", "dm:4001", "open"));
    world.reports(1).await;
    let place = world.seen("dm:4001").await.last().unwrap()["id"].as_str().unwrap().to_owned();
    let mut edited = note("d2", "dm:4001", "worse");
    (edited.edit, edited.delivery.key) = (Some(place.clone()), Some("finding:F-1".into()));
    world.desk.owe(edited);
    let reports = world.reports(2).await;
    assert_eq!(reports[1].1, DeliveryReport::Sent { reference: Some(place.clone()) });
    assert_eq!(world.said("dm:4001").await, ["worse"]);
    let mut reply = note("d3", "dm:4001", "recovered");
    reply.reply_to = Some(place.clone());
    world.desk.owe(reply);
    let mut lost = note("d4", "dm:4001", "somewhere");
    lost.edit = Some("17".into());
    world.desk.owe(lost);
    world.reports(4).await;
    let seen = world.seen("dm:4001").await;
    assert_eq!(seen.iter().find(|one| one["content"] == "recovered").unwrap()["reply_to"], place);
    assert_eq!(world.said("dm:4001").await, ["worse", "recovered", "somewhere"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_grows_in_one_message_and_its_end_always_arrives() {
    let world = ready().await;
    let (chat, key) = ("dm:4001".to_owned(), "turn:t1".to_owned());
    world.desk.tell(LiveEvent::Typing { chat: chat.clone() });
    let mut text = String::new();
    for n in 0..60 {
        text.push_str(&format!("word {n} "));
        world.desk.tell(LiveEvent::Text { chat: chat.clone(), key: key.clone(), reply_to: None, text: text.clone() });
    }
    let placed =
        world.until("placed", async |world| world.desk.state().placed.get(&(chat.clone(), key.clone())).cloned());
    let place = placed.await;
    let mut end = note("d1", "dm:4001", "the end");
    (end.edit, end.delivery.key) = (Some(place), Some(key));
    world.desk.owe(end);
    world.reports(1).await;
    assert_eq!(world.said("dm:4001").await, ["the end"]);
    let room = world.get("/_lab/discord/channels/dm:4001").await;
    assert_eq!(room["typing"], 1);
    let effects = world.get("/_lab/effects").await;
    let edits = effects.as_array().unwrap().iter().filter(|one| one["method"] == "PATCH").count();
    assert!(edits < 40, "{edits} edits for 60 pieces");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_text_is_several_messages_and_shrinks_to_one() {
    let mut world = ready().await;
    let long: String = (0..600).map(|n| format!("line {n}\n")).collect();
    let mut first = note("d1", "dm:4001", "");
    first.delivery.view = wakeman_types::View::Answer(wakeman_types::AnswerView {
        text: long.clone(),
        answer: wakeman_types::TurnId::new("t1"),
        state: wakeman_types::TurnState::Answered,
    });
    first.delivery.key = Some("turn:t1".into());
    world.desk.owe(first);
    let reports = world.reports(1).await;
    let said = world.said("dm:4001").await;
    assert!(said.len() >= 3 && said.iter().all(|part| part.encode_utf16().count() <= 2000));
    assert_eq!(said.concat().trim_end(), long.trim_end());
    let DeliveryReport::SentInParts { references } = &reports[0].1 else { panic!("{reports:?}") };
    assert_eq!(references.len(), said.len());
    // Another process knows of its parts only what the gateway stored.
    world.kill().await;
    world.start().await;
    let mut second = note("d2", "dm:4001", "short");
    (second.edit, second.edit_more) = (references.first().cloned(), references[1..].to_vec());
    second.delivery.key = Some("turn:t1".into());
    world.desk.owe(second);
    world.reports(2).await;
    assert_eq!(world.said("dm:4001").await, ["short"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_with_another_chart_replaces_the_picture_where_it_stands() {
    let world = ready().await;
    let told = |id: &str, finding: wakeman_types::Finding| {
        let mut one = note(id, "dm:4001", "");
        one.delivery.view = wakeman_types::View::Finding(Box::new(samples::asked(finding)));
        one.delivery.key = Some("finding:F-128".into());
        one
    };
    world.desk.owe(told("d1", samples::finding()));
    let reports = world.reports(1).await;
    let DeliveryReport::Sent { reference } = reports[0].1.clone() else { panic!("{reports:?}") };
    let file = async |world: &World| {
        let seen = world.seen("dm:4001").await;
        let last = seen.last().unwrap();
        assert_eq!((last["id"].as_str(), last["files"].as_array().unwrap().len()), (reference.as_deref(), 1), "{last}");
        last["files"][0]["id"].clone()
    };
    let first = file(&world).await;
    let mut later = samples::finding();
    later.series.last_mut().unwrap().value = 1.0;
    world.desk.owe(wakeman_types::ClaimedDelivery { edit: reference.clone(), ..told("d2", later) });
    world.reports(2).await;
    assert_ne!(file(&world).await, first);
    // Words alone: what is over has no chart of its own any more.
    let mut words = note("d3", "dm:4001", "It is over.");
    (words.edit, words.delivery.key) = (reference.clone(), Some("finding:F-128".into()));
    world.desk.owe(words);
    world.reports(3).await;
    assert_eq!(world.seen("dm:4001").await.last().unwrap()["files"], json!([]));
    // Somebody deleted it: what only brings it up to date says nothing in its place.
    let mut gone = wakeman_types::ClaimedDelivery { edit: Some("17".into()), ..told("d4", samples::finding()) };
    if let wakeman_types::View::Finding(view) = &mut gone.delivery.view {
        view.news = wakeman_types::FindingNews::Asked;
    }
    gone.delivery.refresh = true;
    world.desk.owe(gone);
    let reports = world.reports(4).await;
    assert_eq!(reports[3].1, DeliveryReport::Sent { reference: Some("17".to_owned()) });
    assert_eq!(world.said("dm:4001").await.len(), 1, "nobody is rung");
}
