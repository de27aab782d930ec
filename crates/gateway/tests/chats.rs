//! Chats, with several copies of what they show, and with what goes wrong between us and them.

use serde_json::json;
use wakeman_gateway::InboundState;
use wakeman_types::{ClaimedDelivery, Inbound, Proposal, ProposalState, Said, View};

use crate::{
    support::World,
    surfaces::{Surface, TELEGRAM, text, words},
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
