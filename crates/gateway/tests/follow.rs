//! A finding's message says what is so now: it is edited when its words change, and only then.

use serde_json::json;
use wakeman_types::{Channel, ClaimedDelivery, DeliveryReport, Frontend, Resolution, View};

use crate::{
    notify::{erring, issue, routed, sent, words},
    support::{World, minutes},
};

fn is_edit(claimed: &&ClaimedDelivery) -> bool {
    claimed.edit.is_some() && matches!(claimed.delivery.view, View::Finding(_))
}

/// Ten errors became so many.
async fn grown(world: &mut World, occurrences: u64) {
    world.product.state().errors = vec![issue(0, occurrences)];
    world.product.state().errors[0].last_seen = world.core.now();
    world.clock.advance(minutes(1));
    world.tick().await;
}

#[tokio::test]
async fn what_a_message_says_is_brought_up_to_date_and_nothing_is_sent_where_it_says_the_same() {
    let mut world = erring(routed(json!({})), 1, 10).await;
    assert_eq!(sent(&world, "2").await.len(), 1);
    grown(&mut world, 12).await;
    let edits = sent(&world, "2").await;
    assert_eq!(edits.iter().filter(is_edit).count(), 1);
    assert_eq!(edits.len(), 1, "nothing rings");
    assert!(words(&world, &edits[0]).contains("Error0 in web/part0.ts, 12 times"), "{}", words(&world, &edits[0]));
    grown(&mut world, 12).await;
    assert!(sent(&world, "2").await.is_empty());
    // Its end is a message that rings, and the first one says so too.
    world.product.state().errors.clear();
    world.clock.advance(minutes(24 * 60));
    world.tick().await;
    let over = sent(&world, "2").await;
    let state = world.only_finding().await.state;
    assert!(matches!(state, wakeman_types::FindingState::Resolved { how: Resolution::Recovered, .. }), "{state:?}");
    assert_eq!(over.iter().filter(is_edit).count(), 1, "{over:?}");
    assert_eq!(over.iter().filter(|told| matches!(told.delivery.view, View::Recovery(_))).count(), 1);
}

#[tokio::test]
async fn many_looks_while_a_channel_is_away_are_one_edit_when_it_is_back() {
    let mut world = erring(routed(json!({})), 1, 10).await;
    sent(&world, "2").await;
    for occurrences in 11..20 {
        grown(&mut world, occurrences).await;
    }
    let edits = sent(&world, "2").await;
    assert_eq!(edits.len(), 1, "{}", edits.len());
    assert!(words(&world, &edits[0]).contains("19 times"));
    // What was dropped is settled, not owed for ever.
    assert!(world.desk.claim_deliveries(Channel::Telegram, 30_000, 100).await.unwrap().is_empty());
    let again = DeliveryReport::Sent { reference: None };
    assert!(world.desk.confirm_delivery(&edits[0].delivery.id, edits[0].epoch, again).await.is_err());
}
