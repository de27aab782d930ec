//! Several signs of one problem: told together, told when one more shows, checked and ended each for itself.

use wakeman_types::{Finding, FindingState, Proposal, ProposalState, Resolution, Subject};

use crate::support::{MERGE_SHA, NOW, World, minutes};

#[tokio::test]
async fn what_is_seen_in_one_look_is_told_in_one_message() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(-minutes(1)));
    world.tick().await;
    let finding = world.only_finding().await;
    let said = world.said(&finding.thread).await;
    assert_eq!(said.len(), 2, "the finding and its card: {said:?}");
    assert!(said[0].contains("Also: "), "{said:?}");
    assert_eq!(world.events_of(finding.id).await, ["finding.opened"]);
}

#[tokio::test]
async fn what_shows_it_too_later_is_told_in_its_thread_once() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let finding = world.only_finding().await;
    let before = world.said(&finding.thread).await.len();
    world.code.deployment(9, MERGE_SHA, "failure", world.core.now());
    world.watch_for(5).await;
    let said = world.said(&finding.thread).await;
    assert_eq!(said.len(), before + 1, "{said:?}");
    let told = said.last().unwrap();
    assert!(told.contains("Also: ") && told.contains("More shows it than when it was first told."), "{told}");
}

#[tokio::test]
async fn a_repair_is_judged_by_what_its_card_promised_and_the_rest_becomes_a_finding_of_its_own() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(-minutes(1)));
    world.tick().await;
    let first = world.only_finding().await;
    assert!(matches!(first.subject, Subject::Run { .. }) && first.also.len() == 1);
    let card = world.all::<Proposal>().await.remove(0);
    world.approve(&card).await;
    world.run_to_end().await;
    world.code.run(2, "reverted", true, world.core.now());
    world.watch_for(2).await;
    assert_eq!(world.proposal(card.id).await.state, ProposalState::Verified);
    let ended = world.only_finding().await;
    assert!(matches!(ended.state, FindingState::Resolved { how: Resolution::Repaired { .. }, .. }));
    world.watch_for(25).await;
    assert_eq!(world.all::<Finding>().await.len(), 1, "it has its time to be well too");
    world.watch_for(10).await;
    let all = world.all::<Finding>().await;
    assert_eq!(all.len(), 2, "the deployment is still not there");
    assert!(matches!(all[1].subject, Subject::Deployment { .. }));
}
