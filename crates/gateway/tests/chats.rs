//! Chats, with several copies of what they show, and with what goes wrong between us and them.

use serde_json::json;
use wakeman_gateway::{InboundRow, InboundState, act::announce_waiting, brain::Brain, modes, rank::TipRecord};
use wakeman_store::{Commit, Fault};
use wakeman_types::{
    Admin, Channel, ClaimedDelivery, DAY_MS, ErrorKind, ExecutionMode, FeedbackView, Frontend, Inbound, Proposal,
    ProposalState, Said, View,
};

use crate::{
    support::{NOW, StillClock, World, by, minutes},
    surfaces::{Surface, TELEGRAM, in_group, text, words},
};

/// A press in somebody's own chat.
fn tap(id: &str, from: &str, reference: &str) -> Inbound {
    let said = Said::Press { reference: reference.to_owned(), message: None, note: None };
    Inbound { said, ..text(id, from, "") }
}

fn button(shown: &ClaimedDelivery, label: &str) -> String {
    shown.buttons.iter().find(|button| button.label == label).unwrap().reference.clone()
}

/// A card in the chats of ada and lin, with its message in each.
async fn carded(settings: serde_json::Value) -> (World, Surface, Proposal, Vec<(ClaimedDelivery, String)>) {
    let mut world = World::code_only_with(settings, "{}").await;
    world.break_the_build();
    world.tick().await;
    let surface = Surface::on(&world.core);
    let sent = surface.send(TELEGRAM).await;
    let cards: Vec<_> = sent.into_iter().filter(|(c, _)| matches!(c.delivery.view, View::Proposal(_))).collect();
    let proposal = world.all::<Proposal>().await.remove(0);
    (world, surface, proposal, cards)
}

#[tokio::test]
async fn the_first_of_two_yeses_leaves_every_copy_of_the_card_with_its_buttons() {
    let settings = json!({"routes": [{"to": ["telegram"]}], "approvals": {"default": {"needed": 2}}});
    let (world, surface, proposal, cards) = carded(settings).await;
    let of = |chat: &str| cards.iter().find(|(c, _)| c.delivery.chat == chat).unwrap();
    let (state, told) = surface.end(tap("p:1", "telegram:1", &button(&of("1").0, "Approve"))).await;
    assert_eq!(state, InboundState::Done, "{told}");
    let edits = surface.send(TELEGRAM).await;
    assert_eq!(edits.len(), cards.len());
    for (edit, reference) in &edits {
        assert!(cards.iter().any(|(_, message)| message == reference), "it stands where the card stood");
        assert!(matches!(edit.delivery.view, View::Proposal(_)));
        assert!(words(edit).contains("approved by ada 03:00"), "{}", words(edit));
        assert_eq!(edit.buttons.len(), 3, "{edit:?}");
    }
    let (second, _) = edits.iter().find(|(edit, _)| edit.delivery.chat == "2").unwrap();
    assert_eq!(surface.end(tap("p:2", "telegram:2", &button(second, "Approve"))).await.0, InboundState::Done);
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Approved);
    let last = surface.send(TELEGRAM).await;
    assert!(last.len() == cards.len() && last.iter().all(|(edit, _)| edit.buttons.is_empty()), "{last:?}");
}

#[tokio::test]
async fn everything_in_one_chat_is_told_in_one_zone() {
    let operators = json!([
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "America/New_York"},
        {"id": "lin", "role": "owner", "principals": ["telegram:2"]},
    ]);
    let settings = json!({"operators": operators, "ui": {"timezone": "Asia/Tokyo"}, "routes": [{"to": ["telegram"]}]});
    let (world, surface, proposal, cards) = carded(settings).await;
    for (n, (who, chat, zone, now)) in
        [("telegram:1", "1", "America/New_York", "23:00"), ("telegram:2", "2", "Asia/Tokyo", "12:00")]
            .iter()
            .enumerate()
    {
        let card = cards.iter().find(|(c, _)| c.delivery.chat == *chat).unwrap();
        assert_eq!(card.0.timezone.as_deref(), Some(*zone));
        assert_eq!(world.desk.status(&by(who)).await.unwrap().timezone, *zone);
        surface.end(text(&format!("s:{n}"), who, "status")).await;
        let shown = surface.send(TELEGRAM).await;
        let (one, _) = shown.iter().find(|(c, _)| matches!(c.delivery.view, View::Status(_))).unwrap();
        let View::Status(status) = &one.delivery.view else { panic!("{one:?}") };
        assert_eq!((one.timezone.as_deref(), status.timezone.as_str()), (Some(*zone), *zone));
        let word = if n == 0 { "approve" } else { "reject" };
        let words = format!("{word} {} {}", proposal.id, proposal.digest.short());
        let (_, told) = surface.end(text(&format!("u:{n}"), who, &words)).await;
        assert!(told.contains(&format!("by ada {now}")) || told.contains(&format!("by ada at {now}")), "{told}");
    }
    // A group is several people's.
    surface.end(in_group(text("g:1", "telegram:1", "status"))).await;
    let shown = surface.send(TELEGRAM).await;
    let here = shown.iter().find(|(c, _)| matches!(c.delivery.view, View::Status(_))).unwrap();
    let View::Status(status) = &here.0.delivery.view else { panic!("{here:?}") };
    assert_eq!((here.0.timezone.as_deref(), status.timezone.as_str()), (Some("Asia/Tokyo"), "Asia/Tokyo"));
}

#[tokio::test]
async fn after_a_restart_a_card_is_named_in_each_chats_zone_and_asked_again_where_somebody_deleted_it() {
    let operators = json!([
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "America/New_York"},
        {"id": "lin", "role": "owner", "principals": ["telegram:2"]},
    ]);
    let settings = json!({"operators": operators, "ui": {"timezone": "Asia/Tokyo"}, "routes": [{"to": ["telegram"]}],
        "approvals": {"default": {"expires": "12h", "needed": 2}}});
    let (mut world, _, proposal, cards) = carded(settings).await;
    world.clock.advance(minutes(5));
    world.restart().await;
    assert_eq!(announce_waiting(&world.core).await.unwrap(), 1);
    let surface = Surface::on(&world.core);
    let owed = surface.send(TELEGRAM).await;
    for (chat, until) in [("1", "11:00"), ("2", "00:00")] {
        let mine: Vec<_> = owed.iter().filter(|(c, _)| c.delivery.chat == chat).collect();
        let named = mine.iter().map(|(c, _)| words(c)).find(|text| text.starts_with("Restarted.")).unwrap();
        assert!(named.contains("P-1 still waits for a decision until") && named.contains(until), "{named}");
        // The card is said where it stands: it is seen again only if it is gone.
        let (asked, at) = mine.iter().find(|(c, _)| matches!(c.delivery.view, View::Proposal(_))).unwrap();
        assert_eq!(*at, cards.iter().find(|(c, _)| c.delivery.chat == chat).unwrap().1);
        assert!(asked.edit.is_some() && !asked.is_refresh() && asked.buttons.len() == 3, "{asked:?}");
        assert_eq!(mine.len(), 2, "{mine:?}");
    }
    // What only tells of it, or of its end, stays away with it.
    for (id, word) in [("u:1", "approve"), ("u:2", "reject")] {
        let who = if word == "approve" { "telegram:1" } else { "telegram:2" };
        let said = format!("{word} {} {}", proposal.id, proposal.digest.short());
        assert_eq!(surface.end(text(id, who, &said)).await.0, InboundState::Done);
        let owed = surface.send(TELEGRAM).await;
        let edits: Vec<_> = owed.iter().filter(|(c, _)| c.edit.is_some()).collect();
        assert!(edits.len() >= 2 && edits.iter().all(|(c, _)| c.is_refresh()), "{word}: {edits:?}");
    }
}

#[tokio::test]
async fn a_reply_or_a_reaction_to_a_tip_rates_it() {
    let (world, surface, ..) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    world.clock.advance(minutes(10));
    surface.send(TELEGRAM).await;
    surface.end(text("u:1", "telegram:1", "tip")).await;
    let (told, message) = surface.send(TELEGRAM).await.remove(0);
    let View::Tip(view) = &told.delivery.view else { panic!("{told:?}") };
    let id = view.tip.as_ref().unwrap().id;
    let worth = async || world.all::<TipRecord>().await.remove(0).tip.worth;
    let reply = |id: &str, from: &str, words: &str| {
        let mut inbound = text(id, from, words);
        if let Said::Text { reply_to, .. } = &mut inbound.said {
            *reply_to = Some(message.clone());
        }
        inbound
    };
    let (state, said) = surface.end(reply("u:2", "telegram:1", "that was noise")).await;
    assert_eq!((state, worth().await), (InboundState::Done, Some(0.0)), "{said}");
    assert!(said.starts_with(&format!("{id} noted as noise")), "{said}");
    let react = |id: &str, from: &str| Inbound {
        said: Said::Reaction { message: message.clone(), useful: Some(true) },
        ..text(id, from, "")
    };
    let (state, said) = surface.end(react("r:1", "telegram:1")).await;
    assert_eq!((state, said.as_str(), worth().await), (InboundState::Done, "T-1: useful", Some(1.0)));
    // It was told to ada; somebody else's word on it counts for nothing.
    for inbound in [reply("u:3", "telegram:2", "useless"), react("r:2", "telegram:2")] {
        let (state, said) = surface.end(Inbound { chat: "1".to_owned(), ..inbound }).await;
        assert_eq!(state, InboundState::Refused, "{said}");
    }
    assert_eq!(worth().await, Some(1.0));
}

#[tokio::test]
async fn a_card_that_was_shown_again_is_settled_wherever_it_stands() {
    let (_world, surface, proposal, cards) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    let mut mine: Vec<String> =
        cards.iter().filter(|(c, _)| c.delivery.chat == "1").map(|(_, message)| message.clone()).collect();
    for (id, asked) in [("u:1", "proposal"), ("u:2", "approve"), ("u:3", "approve")] {
        surface.end(text(id, "telegram:1", &format!("{asked} {}", proposal.id))).await;
        let shown = surface.send(TELEGRAM).await;
        assert!(shown.len() == 1 && shown[0].0.edit.is_none(), "asked for again, it is shown again");
        mine.push(shown[0].1.clone());
    }
    surface.end(text("u:4", "telegram:1", &format!("reject {}", proposal.id))).await;
    let edits = surface.send(TELEGRAM).await;
    let mut settled: Vec<String> = edits
        .iter()
        .filter(|(edit, _)| edit.delivery.chat == "1" && edit.edit.is_some())
        .map(|(edit, message)| {
            assert!(edit.buttons.is_empty(), "{edit:?}");
            message.clone()
        })
        .collect();
    settled.sort();
    settled.dedup();
    mine.sort();
    assert_eq!(settled, mine);
}

#[tokio::test]
async fn a_plan_is_approved_step_by_step_with_buttons_and_with_words() {
    let (world, surface, proposal, _) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    let (id, digest) = (proposal.id, proposal.digest.short());
    surface.end(text("u:1", "telegram:1", &format!("approve {id} step"))).await;
    let details = surface.send(TELEGRAM).await;
    let only = button(&details[0].0, "Step 1 only");
    let (state, told) = surface.end(tap("p:1", "telegram:1", &only)).await;
    assert_eq!((state, told.as_str()), (InboundState::Done, "P-1: Approved by ada 03:00 (step 1) → not begun yet"));
    surface.send(TELEGRAM).await;
    world.run_to_end().await;
    assert_eq!(world.repo.effects().len(), 1);
    let waits = surface.send(TELEGRAM).await;
    assert!(waits.iter().all(|(card, _)| card.buttons.iter().any(|button| button.label == "Approve step 2")));
    for chat in ["1", "2"] {
        let fresh = waits.iter().filter(|(card, _)| card.delivery.chat == chat && card.edit.is_none());
        let replies: Vec<bool> = fresh.map(|(card, _)| card.reply_to.is_some()).collect();
        assert_eq!(replies, [true], "one message that rings, in reply to the card, in {chat}");
    }
    // The button for the first step says yes to nothing any more.
    let (state, told) = surface.end(tap("p:2", "telegram:1", &only)).await;
    assert_eq!(
        (state, told.as_str()),
        (InboundState::Refused, "P-1: step 2 is next, not step 1; nothing was recorded")
    );
    let (state, told) = surface.end(text("u:2", "telegram:2", &format!("approve {id} step 2 {digest}"))).await;
    assert_eq!(state, InboundState::Done, "{told}");
    surface.send(TELEGRAM).await;
    world.run_to_end().await;
    assert_eq!((world.proposal(id).await.state, world.repo.effects().len()), (ProposalState::Succeeded, 2));
    let last = surface.send(TELEGRAM).await;
    assert!(last.len() >= 4 && last.iter().all(|(edit, _)| edit.buttons.is_empty()), "{last:?}");
}

#[tokio::test]
async fn a_step_without_its_number_is_shown_and_not_approved() {
    // A crash between the yes and the end of what was said does it again, and by then another step may be the next.
    let (world, surface, proposal, _) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    let typed = format!("approve {} step {}", proposal.id, proposal.digest.as_str());
    assert_eq!(surface.end(text("u:1", "telegram:1", &typed)).await.0, InboundState::Done);
    assert_eq!(world.proposal(proposal.id).await, proposal);
    let details = surface.send(TELEGRAM).await;
    assert!(matches!(details[0].0.delivery.view, View::Details(_)), "{details:?}");
    let (state, told) = surface.end(tap("p:1", "telegram:1", &button(&details[0].0, "Step 1 only"))).await;
    assert_eq!(state, InboundState::Done, "{told}");
}

#[tokio::test]
async fn a_reason_given_afterwards_is_kept_without_credentials() {
    let (world, surface, proposal, cards) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    let (card, _) = cards.iter().find(|(c, _)| c.delivery.chat == "1").unwrap();
    surface.end(tap("p:1", "telegram:1", &button(card, "Reject"))).await;
    let sent = surface.send(TELEGRAM).await;
    let (_, asked) = sent.iter().find(|(c, _)| matches!(c.delivery.view, View::AskReason(_))).unwrap();
    let key = format!("ghp_{}", "a1B2".repeat(9));
    let mut answer = text("u:1", "telegram:1", &format!("it still runs with {key}"));
    if let Said::Text { reply_to, .. } = &mut answer.said {
        *reply_to = Some(asked.clone());
    }
    let (state, told) = surface.end(answer).await;
    assert_eq!(state, InboundState::Done, "{told}");
    let kept = world.proposal(proposal.id).await.decisions[0].reason.clone().unwrap();
    assert!(kept.starts_with("it still runs with ") && !kept.contains("ghp_"), "{kept}");
}

#[tokio::test]
async fn a_reply_to_a_findings_message_is_feedback_and_stop_telling_me_is_a_mute_that_waits() {
    let mut world = World::code_only_with(json!({"routes": [{"to": ["telegram"]}]}), "{}").await;
    world.break_the_build();
    world.tick().await;
    let surface = Surface::on(&world.core);
    let sent = surface.send(TELEGRAM).await;
    let told = |chat: &str| {
        let of = |c: &ClaimedDelivery| c.delivery.chat == chat && matches!(c.delivery.view, View::Finding(_));
        sent.iter().find(|(c, _)| of(c)).unwrap().1.clone()
    };
    let reply = async |id: &str, from: &str, words: &str| {
        let mut inbound = text(id, from, words);
        if let Said::Text { reply_to, .. } = &mut inbound.said {
            *reply_to = Some(told(by(from).id()));
        }
        surface.end(inbound).await
    };
    let finding = world.only_finding().await;
    let view = FeedbackView { finding: finding.clone(), not_learnt: None };
    let useful = reply("u:1", "telegram:1", "That was useful.").await;
    assert_eq!(useful, (InboundState::Done, wakeman_present::feedback_line(&view, true)));
    let noise = reply("u:2", "telegram:2", "just noise").await;
    assert_eq!(noise, (InboundState::Done, wakeman_present::feedback_line(&view, false)));
    assert_eq!(world.events_of(finding.id).await.iter().filter(|event| *event == "ranking.rewarded").count(), 2);
    // A mute is a proposal that names its scope and its end, without a model.
    let (state, told) = reply("u:3", "telegram:1", "stop telling me about this").await;
    assert_eq!(state, InboundState::Done, "{told}");
    insta::assert_snapshot!(told, @"P-2 waits for a yes: tell nobody of Workflow ci until 2026-04-27 03:00 UTC, not even when it is critical.");
    let muting = world.all::<Proposal>().await.into_iter().find(|one| one.action.kind == "wakeman.set_mute").unwrap();
    assert_eq!((muting.state, muting.requested_by.to_string()), (ProposalState::Pending, "telegram:1".to_owned()));
    assert!(world.all::<wakeman_types::Mute>().await.is_empty(), "it waits for a yes");
    let cards = surface.send(TELEGRAM).await;
    let card = cards.iter().find(|(c, _)| words(c).contains("Mute ")).unwrap();
    assert_eq!(card.0.buttons[0].label, "Approve");
    let viewer = reply("u:4", "telegram:3", "stop telling me about this").await;
    assert_eq!(viewer.1, "Only an approver or owner can ask for a mute. You are grace (viewer).");
}

/// A finding that nobody can read.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Unreadable;

impl wakeman_types::Entity for Unreadable {
    const KIND: &'static str = "finding";

    fn entity_id(&self) -> String {
        "F-7".to_owned()
    }

    fn sort_key(&self) -> i64 {
        7
    }
}

#[tokio::test]
async fn what_can_never_be_done_ends_and_what_is_said_after_it_is_heard() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    world.commit(Commit::new(world.core.now()).put(&Unreadable)).await;
    surface.take(vec![text("u:1", "telegram:1", "why F-7"), text("u:2", "telegram:1", "/halt")]).await;
    let (state, told) = surface.row("u:1").await;
    assert_eq!(state, InboundState::Failed, "{told}");
    assert_eq!(surface.row("u:2").await.0, InboundState::Done);
    assert_eq!(surface.send(TELEGRAM).await.iter().filter(|(c, _)| words(c) == told).count(), 1, "and it is said");
}

#[tokio::test]
async fn a_busy_database_is_asked_again() {
    let world = World::new().await;
    let surface = Surface::on(&world.core);
    let halt = text("u:1", "telegram:1", "/halt");
    surface.desk.accept_inbound(TELEGRAM, vec![halt], None).await.unwrap();
    world.core.store.fail_next(Fault::Busy);
    surface.inbox.idle().await.unwrap();
    assert_eq!(surface.row("u:1").await.0, InboundState::Done);
}

#[tokio::test]
async fn a_question_that_comes_while_the_process_ends_is_left_to_the_next_one() {
    let mut world = World::new().await;
    let surface = Surface::on(&world.core);
    let brain = Brain::new(world.core.clone());
    let desk = std::sync::Arc::new(wakeman_gateway::Desk::with_brain(world.core.clone(), brain.clone()));
    let inbox = wakeman_gateway::Inbox::new(world.core.clone(), desk.clone());
    brain.close().await;
    desk.accept_inbound(TELEGRAM, vec![text("u:1", "telegram:1", "what is wrong?")], None).await.unwrap();
    let looked = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    inbox.clone().run(looked).await;
    inbox.rest(5_000).await;
    assert_eq!(surface.row("u:1").await.0, InboundState::Received);
    world.restart().await;
    // Under a clock that stands still: who follows an answer looks at it every few seconds.
    let surface = Surface::on(&world.core_with_model(None));
    surface.inbox.recover().await.unwrap();
    surface.inbox.idle().await.unwrap();
    assert!(surface.row("u:1").await.0.is_terminal());
}

/// Under a clock that stands still, so that there is one look: the first, at nothing.
#[tokio::test]
async fn what_comes_in_is_answered_without_a_look_also_where_an_earlier_one_is_under_way() {
    let world = World::new().await;
    let core = world.core_by(None, std::sync::Arc::new(StillClock(NOW)));
    let surface = Surface::on(&core);
    let waiting = || core.store.count::<InboundRow>(Some(InboundState::Received.name()));
    let told = async {
        for i in 0..60 {
            let chat = format!("telegram:{}", 1 + i % 3);
            let each = vec![text(&format!("u:{i}"), &chat, "/whoami")];
            surface.desk.accept_inbound(TELEGRAM, each, None).await.unwrap();
        }
        for _ in 0..10_000 {
            if waiting().await.unwrap() == 0 {
                return;
            }
        }
        panic!("{} of 60 wait", waiting().await.unwrap());
    };
    surface.inbox.clone().run(told).await;
}

#[tokio::test]
async fn on_a_full_disk_a_press_and_a_halt_are_still_taken() {
    let (world, surface, proposal, cards) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    let (card, _) = cards.iter().find(|(c, _)| c.delivery.chat == "1").unwrap();
    let full = || world.core.store.fail_next(Fault::Full);
    full();
    let question = surface.desk.accept_inbound(TELEGRAM, vec![text("u:1", "telegram:1", "status")], None).await;
    assert_eq!(question.unwrap_err().kind, ErrorKind::Storage);
    full();
    assert_eq!(surface.end(tap("p:1", "telegram:1", &button(card, "Reject"))).await.0, InboundState::Done);
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Rejected);
}

#[tokio::test]
async fn many_strangers_are_a_few_lines_a_day() {
    let world = World::with(json!({"routes": [{"to": ["cli"]}]}), "{}").await;
    let surface = Surface::on(&world.core);
    let knock = async |from: usize, until: usize| {
        for n in from..until {
            surface.end(text(&format!("u:{n}"), &format!("telegram:{n}"), "hi")).await;
        }
        surface.send(Channel::Cli).await.iter().map(|(claimed, _)| words(claimed)).collect::<Vec<_>>()
    };
    let told = knock(100, 130).await;
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told[5].starts_with("More than 5 accounts that are no operator's wrote"), "{}", told[5]);
    assert_eq!(surface.send(TELEGRAM).await.len(), 30, "each still gets the one polite line");
    world.clock.advance(DAY_MS + 1);
    assert_eq!(knock(200, 201).await.len(), 1);
}

#[tokio::test]
async fn a_yes_in_mode_observe_says_what_holds_it_until_when_and_whose_word_lets_it_run() {
    let (world, surface, proposal, cards) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    world.desk.set_mode(&by("telegram:1"), ExecutionMode::Observe).await.unwrap();
    surface.send(TELEGRAM).await;
    let (card, _) = cards.iter().find(|(card, _)| card.delivery.chat == "2").unwrap();
    let (state, told) = surface.end(tap("p:1", "telegram:2", &button(card, "Approve"))).await;
    assert_eq!(state, InboundState::Done);
    let held = "Approved by lin 03:00 → not begun yet. Held by mode observe, so nothing is run: it begins once ada says \
                `mode propose` by 03:30, else it expires.";
    assert_eq!(told, format!("{}: {held}", proposal.id));
    let edits = surface.send(TELEGRAM).await;
    assert!(!edits.is_empty() && edits.iter().all(|(edit, _)| words(edit).starts_with(held)), "{edits:?}");
    world.run().await;
    assert!(world.repo.effects().is_empty(), "nothing is run");
    // A halt besides is named too; once it is lifted and the mode is back, it runs.
    world.desk.halt(&by("telegram:2"), None).await.unwrap();
    let view = modes::held(&world.core).await.unwrap().unwrap();
    assert!(view.observe && view.halt.is_some());
    world.desk.resume(&by("telegram:1")).await.unwrap();
    world.desk.set_mode(&by("telegram:1"), ExecutionMode::Propose).await.unwrap();
    assert_eq!(modes::held(&world.core).await.unwrap(), None);
    world.run().await;
    assert!(!world.repo.effects().is_empty());
}

#[tokio::test]
async fn what_expired_has_a_button_that_offers_it_afresh() {
    let (world, surface, proposal, _) = carded(json!({"routes": [{"to": ["telegram"]}]})).await;
    world.clock.set(proposal.expires_at);
    wakeman_gateway::act::expire(&world.core, proposal.id).await.unwrap();
    let edits = surface.send(TELEGRAM).await;
    let (expired, _) = edits.iter().find(|(edit, _)| edit.delivery.chat == "2" && edit.edit.is_some()).unwrap();
    let press = button(expired, "New proposal");
    for from in ["telegram:3", "telegram:99"] {
        assert_eq!(surface.end(tap(from, from, &press)).await.0, InboundState::Refused, "{from}");
    }
    assert_eq!(world.all::<Proposal>().await.len(), 1);
    for id in ["p:1", "p:2"] {
        let (state, told) = surface.end(tap(id, "telegram:2", &press)).await;
        assert_eq!((state, told.as_str()), (InboundState::Done, "P-2: Waits for a decision until 04:00"));
    }
    assert_eq!(world.all::<Proposal>().await.len(), 2, "pressed twice, offered once");
    let shown = surface.send(TELEGRAM).await;
    let card = shown.iter().find(|(card, _)| matches!(&card.delivery.view, View::Proposal(_))).unwrap();
    assert_eq!(card.0.buttons.len(), 3);
}
